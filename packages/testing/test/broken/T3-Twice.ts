/** Names all its objects alike. */
import * as Transform from "@coddiwomple/core/Transform"
import { hosts, transform } from "../good/HostsTransform.ts"

export default transform(
  Transform.service((service, fleet) =>
    [hosts({ ...service, identity: "all" }, fleet)].map((a) => ({ ...a, service: service.identity }))
  )
)
