/** Takes a cluster out of the set it was given, which all artifacts share. */
import * as Transform from "@coddiwomple/core/Transform"
import { transform } from "../good/HostsTransform.ts"

export default transform(
  Transform.artifact((artifact) => {
    artifact.targets[0]! &= ~1
    return [artifact]
  })
)
