/** Two generations with everything between them: what comes, changes, stays and goes, in two clusters. */
import { Given } from "@coddiwomple/testing"

const model = Given.model({ clusters: ["a", "b"] })
export const { fleet } = model
const map = (name: string, value: string, targets?: ReadonlyArray<string>) =>
  Given.configMap(fleet, name, { value }, targets === undefined ? {} : { in: targets })

export const before = Given.desired(
  [map("same", "1"), map("changes", "1"), map("goes", "1"), map("moves", "1", ["a"])],
  { model }
)
export const after = Given.desired(
  [map("same", "1"), map("changes", "2"), map("comes", "1"), map("moves", "1", ["b"])],
  {
    model
  }
)
