/** Sorts the backends where they stand. */
import type { Backend } from "@coddiwomple/core/Model"
import * as Transform from "@coddiwomple/core/Transform"
import { hosts, transform } from "../good/HostsTransform.ts"

export default transform(
  Transform.service((service, fleet) => {
    ;(service.backends as Array<Backend>).sort((a, b) => (a.cluster < b.cluster ? 1 : -1))
    return [hosts(service, fleet)]
  })
)
