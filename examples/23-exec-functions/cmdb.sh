#!/bin/sh
# A source: prints what an inventory knows. Real ones would ask a database, or curl.
cat <<'END'
apiVersion: config.kubernetes.io/v1
kind: ResourceList
items:
- apiVersion: coddiwomple.io/v1alpha1
  kind: Service
  metadata: { name: orders, namespace: shop }
  spec:
    prefixes: [orders]
    ports: [{ name: http, protocol: HTTP, port: 80, backendPort: 8080 }]
    backends: { east: orders.shop.svc.cluster.local, west: orders.shop.svc.cluster.local }
END
