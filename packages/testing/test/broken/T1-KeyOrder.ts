/** Prints labels in the order in which somebody once wrote them. */
import * as Transform from "@coddiwomple/core/Transform"
import { hosts, transform } from "../good/HostsTransform.ts"

export default transform(
  Transform.service((service, fleet) => [
    hosts(service, fleet, { labels: fleet.clusters.map((c) => Object.keys(c.labels ?? {}).join(" ")).join(", ") })
  ])
)
