/** Its ids say one namespace, its texts another. */
import * as Transform from "@coddiwomple/core/Transform"
import { hosts, transform } from "../good/HostsTransform.ts"

export default transform(
  Transform.service((service, fleet) => [{ ...hosts(service, fleet), id: `/ConfigMap/mesh/${service.name}` }])
)
