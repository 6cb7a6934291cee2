/** `cw render --diff NODE`: what a transform does to each object it reads; equal changes of several clusters once. */
import type { Groups } from "@coddiwomple/core/Bundle"
import type { Fleet } from "@coddiwomple/core/Model"
import type { Paint } from "./Terminal.ts"
import { type Item, items } from "./testing/Output.ts"
import { unified } from "./testing/TextDiff.ts"

const keyOf = ({ cluster, id }: Item): string => `${cluster}\u0000${id}`

/** Empty where the node passes everything on as it was. */
export const render = (
  before: ReadonlyArray<Groups>,
  after: Groups,
  fleet: Fleet,
  cluster: string | undefined,
  paint: Paint
): string => {
  const wanted = (item: Item) => cluster === undefined || item.cluster === cluster
  const old = new Map(before.flatMap((groups) => items(groups, fleet).filter(wanted)).map((i) => [keyOf(i), i]))
  const now = new Map(
    items(after, fleet)
      .filter(wanted)
      .map((i) => [keyOf(i), i])
  )
  const changes = new Map<string, { readonly id: string; readonly diff: string; readonly clusters: Array<string> }>()
  for (const [key, { cluster: where, id }] of [...old, ...[...now].filter(([k]) => !old.has(k))]) {
    const diff = unified(
      old.get(key)?.text ?? "",
      now.get(key)?.text ?? "",
      old.has(key) ? id : "nothing",
      now.has(key) ? id : "nothing"
    )
    if (diff === "") continue
    const known = changes.get(id + diff)
    if (known === undefined) changes.set(id + diff, { id, diff, clusters: [where] })
    else known.clusters.push(where)
  }
  return [...changes.values()]
    .map(
      ({ clusters, diff }) =>
        `${paint("bold", `# ${clusters.length > 1 ? "clusters" : "cluster"} ${clusters.join(", ")}`)}\n${coloured(diff, paint)}\n`
    )
    .join("")
}

const coloured = (diff: string, paint: Paint): string =>
  diff
    .split("\n")
    .map((line) => (line.startsWith("+") ? paint("added", line) : line.startsWith("-") ? paint("removed", line) : line))
    .join("\n")
