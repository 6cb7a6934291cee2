/** Makes a path of whatever the service is called. */
import * as Artifact from "@coddiwomple/core/Artifact"
import * as Transform from "@coddiwomple/core/Transform"
import { transform } from "../good/HostsTransform.ts"

export default transform(
  Transform.service((service, fleet) => [
    Artifact.file(fleet.all, `../${service.name}.txt`, "hello\n", { service: service.identity })
  ]),
  ["file"]
)
