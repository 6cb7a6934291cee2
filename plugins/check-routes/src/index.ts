/**
 * Refuses what would not be delivered: for every service it follows each host and port from every cluster that may call
 * it, through the generated objects, to a backend. Clusters that got the same objects are followed once.
 */
import * as Check from "@coddiwomple/core/Check"
import { Config } from "./Config.ts"
import { routes } from "./Routes.ts"

export default Check.make({
  type: "routes",
  summary: "Refuses calls that are not delivered, run in circles or cross clusters in plaintext",
  config: Config,
  examples: [
    { summary: "Every call must arrive, through mTLS", config: {} },
    { summary: "With profile classic", config: { allowPlaintext: true } }
  ],
  make: (config) => Check.service((service, artifacts, fleet) => routes(service, artifacts, fleet, config))
})
