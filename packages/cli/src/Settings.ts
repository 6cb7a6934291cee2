/**
 * `--set path=value`: puts values into the documents of a pipeline file. A value is treated like one from a variable:
 * it is text unless its place wants a number or a boolean, and no message repeats it.
 */
import type { Document } from "@coddiwomple/config/Document"
import { child, type Entry, find, mapping, scalar } from "@coddiwomple/config/Tree"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"

export type Settings = ReadonlyArray<readonly [path: string, value: string]>

const prefix = "CW_SET_"
const sections = new Set(["sources", "transforms", "checks", "sinks"])

/** Variables of the environment, and the values of the settings under names of their own. */
export const environment =
  (settings: Settings) =>
  (name: string): string | undefined =>
    name.startsWith(prefix) ? settings[Number(name.slice(prefix.length))]?.[1] : process.env[name]

const put = (entry: Entry | undefined, path: ReadonlyArray<string>, value: Entry): Entry => {
  const [key, ...rest] = path
  if (key === undefined) return value
  const before = entry?.tree.kind === "mapping" ? entry.tree.entries : new Map<string, Entry>()
  const next = put(entry === undefined ? undefined : child(entry.tree, key), rest, value)
  return { ...entry, tree: mapping(new Map([...before, [key, next]])) }
}

/** A setting belongs to the documents that have the node it speaks of. */
const concerns = (document: Document, [first, second]: ReadonlyArray<string>): boolean =>
  first === undefined ||
  !sections.has(first) ||
  (second !== undefined && find(document.root, [first, second]) !== undefined)

export const apply = (
  documents: ReadonlyArray<Document>,
  settings: Settings
): { readonly documents: ReadonlyArray<Document>; readonly diagnostics: ReadonlyArray<Diagnostic.Diagnostic> } => {
  const diagnostics: Array<Diagnostic.Diagnostic> = []
  let changed = documents
  settings.forEach(([text], i) => {
    const path = text.split(".")
    if (!documents.some((document) => concerns(document, path))) {
      diagnostics.push(
        Diagnostic.error("CW102", `--set ${text}: there is no node ${path.slice(0, 2).join(".")}`, {
          help: "`cw graph` shows the nodes"
        })
      )
    }
    const value: Entry = { tree: scalar(`\${env:${prefix}${i}}`) }
    changed = changed.map((document) =>
      concerns(document, path) ? document.with(put(document.root, path, value)) : document
    )
  })
  return { documents: changed, diagnostics }
}
