/** Makes something else the second time. */
import * as Artifact from "@coddiwomple/core/Artifact"
import * as Transform from "@coddiwomple/core/Transform"
import { transform } from "../good/HostsTransform.ts"

let before = ""
export default transform(
  Transform.model(({ model, services }) => {
    const text = services.map((s) => s.address).join("\n")
    const file = Artifact.file(model.fleet.all, "addresses.txt", `${before === text ? "# unchanged\n" : ""}${text}\n`)
    before = text
    return [file]
  })
)
