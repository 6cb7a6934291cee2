/** What each platform gets: objects and files for one set of clusters that see the same names. */
import * as Artifact from "@coddiwomple/core/Artifact"
import type { ClusterSet } from "@coddiwomple/core/ClusterSet"
import { digest } from "@coddiwomple/core/Digest"
import type { Config, Platform } from "./Config.ts"
import { fileBlock, hostsBlocks, maximumTemplates, templates } from "./Corefile.ts"
import type { Records } from "./Records.ts"
import { zoneFile } from "./ZoneFile.ts"

export interface Request {
  readonly platform: Platform
  readonly targets: ClusterSet
  readonly records: Records
  readonly suffix: string
  readonly config: Config
  /** deployment and kube-dns: address of the own CoreDNS. */
  readonly clusterIP: string | undefined
  /** self-managed: the merged Corefile. */
  readonly merge: (fragment: string) => string
}

const labels = { "app.kubernetes.io/managed-by": "coddiwomple", "app.kubernetes.io/name": "cw-dns" }
const selector = { "app.kubernetes.io/name": "cw-dns" }

export const artifacts = (request: Request): ReadonlyArray<Artifact.Artifact> => {
  const { platform, targets, records, suffix, config } = request
  const blocks = (port: number) => hostsBlocks(records, { suffix, port, ttl: config.ttl })
  switch (platform) {
    case "none":
      return []
    case "files":
      return [
        Artifact.file(targets, `dns/db.${suffix}`, zoneFile(records, { suffix, ttl: config.ttl })),
        // For where the zone file cannot be mounted; it would be too slow with many wildcards.
        ...(templates(records) > maximumTemplates ? [] : [Artifact.file(targets, `dns/${suffix}.Corefile`, blocks(53))])
      ]
    case "self-managed":
      return [configMap(targets, "coredns", { Corefile: request.merge(blocks(53)) })]
    case "coredns-custom":
      return [configMap(targets, "coredns-custom", { [`cw-${suffix}.server`]: blocks(53) })]
    case "gardener":
      return [configMap(targets, "coredns-custom", { [`cw-${suffix}.server`]: blocks(8053) })]
    case "deployment":
      return server(request)
    case "kube-dns":
      return [
        ...server(request),
        configMap(targets, "kube-dns", { stubDomains: `${JSON.stringify({ [suffix]: [request.clusterIP] })}\n` })
      ]
  }
}

/** Our keys of a ConfigMap that belongs to somebody else. */
const configMap = (targets: ClusterSet, name: string, data: Readonly<Record<string, string>>): Artifact.Artifact =>
  Artifact.object(
    targets,
    { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "kube-system" }, data },
    { ownership: "fields" }
  )

/** An own CoreDNS: ConfigMap with Corefile and zone file, Deployment, Service. The zone reloads by itself. */
const server = ({ targets, records, suffix, config, clusterIP }: Request): ReadonlyArray<Artifact.Artifact> => {
  const metadata = { name: "cw-dns", namespace: config.namespace, labels }
  const corefile = fileBlock({ suffix, port: 1053 }, `/etc/coredns/db.${suffix}`, ["health :8080", "ready :8181"])
  return [
    Artifact.object(targets, {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata,
      data: { Corefile: corefile, [`db.${suffix}`]: zoneFile(records, { suffix, ttl: config.ttl }) }
    }),
    Artifact.object(targets, {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata,
      spec: {
        replicas: config.replicas,
        selector: { matchLabels: selector },
        template: {
          metadata: { labels, annotations: { "coddiwomple.io/corefile-digest": digest(corefile).slice(0, 16) } },
          spec: {
            containers: [
              {
                name: "coredns",
                image: config.image,
                args: ["-conf", "/etc/coredns/Corefile"],
                ports: [
                  { name: "dns", containerPort: 1053, protocol: "UDP" },
                  { name: "dns-tcp", containerPort: 1053, protocol: "TCP" }
                ],
                livenessProbe: { httpGet: { path: "/health", port: 8080 } },
                readinessProbe: { httpGet: { path: "/ready", port: 8181 } },
                resources: { requests: { cpu: "50m", memory: "70Mi" }, limits: { memory: "170Mi" } },
                securityContext: {
                  allowPrivilegeEscalation: false,
                  readOnlyRootFilesystem: true,
                  runAsNonRoot: true,
                  runAsUser: 65532,
                  seccompProfile: { type: "RuntimeDefault" },
                  // The binary of the image carries this capability: where it cannot be had, it does not even start.
                  capabilities: { drop: ["ALL"], add: ["NET_BIND_SERVICE"] }
                },
                volumeMounts: [{ name: "config", mountPath: "/etc/coredns", readOnly: true }]
              }
            ],
            volumes: [{ name: "config", configMap: { name: "cw-dns" } }]
          }
        }
      }
    }),
    Artifact.object(targets, {
      apiVersion: "v1",
      kind: "Service",
      metadata,
      spec: {
        ...(clusterIP === undefined ? {} : { clusterIP }),
        selector,
        ports: [
          { name: "dns", port: 53, targetPort: 1053, protocol: "UDP" },
          { name: "dns-tcp", port: 53, targetPort: 1053, protocol: "TCP" }
        ]
      }
    })
  ]
}
