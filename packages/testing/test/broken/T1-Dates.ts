/** Writes the date into its output: every run is a change. */
import * as Transform from "@coddiwomple/core/Transform"
import { hosts, transform } from "../good/HostsTransform.ts"

export default transform(
  Transform.service((service, fleet) => [hosts(service, fleet, { made: new Date().toISOString().slice(0, 10) })])
)
