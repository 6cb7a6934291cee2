/** What `cw test` offers to tests of plugins beside what every plugin gets. Loaded only for them. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as testing from "@coddiwomple/testing"

export const testingModules: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "@coddiwomple/testing": testing,
  "@effect/platform-node/NodeServices": NodeServices
}
