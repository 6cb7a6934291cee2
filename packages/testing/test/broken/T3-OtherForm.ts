/** Makes files, but says nothing of it: no sink for files is wired to it. */
import * as Artifact from "@coddiwomple/core/Artifact"
import * as Transform from "@coddiwomple/core/Transform"
import { transform } from "../good/HostsTransform.ts"

export default transform(
  Transform.model(({ model }) => [Artifact.file(model.fleet.all, "clusters.txt", `${model.fleet.clusters.length}\n`)])
)
