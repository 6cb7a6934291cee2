/** What a node made, as tests and people compare it: one document per object or file and cluster, in a fixed order. */
import type { Artifact } from "@coddiwomple/core/Artifact"
import * as ClusterSet from "@coddiwomple/core/ClusterSet"
import { fleetGroup } from "@coddiwomple/core/Desired"
import type { Groups } from "@coddiwomple/core/Bundle"
import type { Fleet } from "@coddiwomple/core/Model"
import * as HashMap from "effect/HashMap"
import { parseDocument } from "yaml"

export interface Item {
  readonly cluster: string
  readonly id: string
  readonly text: string
  readonly form: Artifact["form"]
  readonly service: string | undefined
}

/** Cluster by cluster, the fleet's own first, then services by name; inside a group as the node made them. */
export const items = (groups: Groups, fleet: Fleet): ReadonlyArray<Item> => {
  const names = [...HashMap.keys(groups)].sort((a, b) =>
    a === fleetGroup ? -1 : b === fleetGroup ? 1 : a < b ? -1 : 1
  )
  return fleet.clusters.flatMap((cluster) =>
    names.flatMap((name) =>
      HashMap.getUnsafe(groups, name)
        .filter((a) => ClusterSet.has(a.targets, cluster.index))
        .map(({ form, id, service, text }) => ({ cluster: cluster.name, id, text, form, service }))
    )
  )
}

/** The text of golden files. */
export const text = (all: ReadonlyArray<Item>): string => {
  let cluster: string | undefined
  let out = ""
  for (const item of all) {
    if (item.cluster !== cluster) out += `# cluster ${JSON.stringify((cluster = item.cluster))}\n`
    out += "---\n"
    if (item.form === "object") out += item.text
    else {
      const lines = item.text.replace(/\n$/, "").split("\n")
      out += [`# file ${JSON.stringify(item.id.slice("file:".length))}`, ...lines.map((l) => `# | ${l}`), ""].join("\n")
    }
  }
  return out
}

/** The object as patterns see it: with the cluster that gets it; a file has `file` and `text`. */
export const value = (item: Item): Readonly<Record<string, unknown>> =>
  item.form === "object"
    ? { ...(parseDocument(item.text, { version: "1.1" }).toJS() as object), cluster: item.cluster }
    : { file: item.id.slice("file:".length), text: item.text, cluster: item.cluster }
