/** Writes a plain `on`, which Kubernetes reads as true. */
import * as Transform from "@coddiwomple/core/Transform"
import { hosts, transform } from "../good/HostsTransform.ts"

export default transform(
  Transform.service((service, fleet) => {
    const made = hosts(service, fleet)
    return [
      {
        ...made,
        text: `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${service.name}\n  namespace: default\ndata:\n  mode: on\n`
      }
    ]
  })
)
