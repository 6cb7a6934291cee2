/** Numbers its objects in the order in which it is asked. */
import * as Transform from "@coddiwomple/core/Transform"
import { hosts, transform } from "../good/HostsTransform.ts"

let n = 0
export default transform(Transform.service((service, fleet) => [hosts(service, fleet, { number: String(++n) })]))
