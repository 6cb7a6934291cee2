/**
 * One manifest.yaml per cluster. Each document says in a comment which artifact it is, so that plans can speak of objects
 * and what may not be changed or deleted (held services, policy, guard) is carried over from the file that is there.
 */
import type { Artifact, Combines } from "@coddiwomple/core/Artifact"
import * as ClusterSet from "@coddiwomple/core/ClusterSet"
import type { Desired } from "@coddiwomple/core/Desired"
import { digest } from "@coddiwomple/core/Digest"
import { added, changed } from "@coddiwomple/core/LineCount"
import { inherited, type PlanItem } from "@coddiwomple/core/Plan"
import type { SafePath } from "@coddiwomple/core/SafePath"

export const singlePath = "manifest.yaml" as SafePath
/** Stands for all objects of the file where a file has to name its artifact. */
export const singleArtifact = "objects"

export interface Document {
  readonly id: string
  readonly service?: string
  readonly combines?: Combines | undefined
  readonly text: string
}

/** The documents that are there, and those that should be, both in the order of their file. */
export interface Documents {
  readonly before: ReadonlyMap<string, Document>
  readonly wanted: ReadonlyMap<string, Document>
}

const head = "---\n# coddiwomple.io/artifact: "

const escaped = (c: string): string => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`

// YAML 1.1 ends a comment at some characters beyond ASCII.
const ascii = (text: string): string => text.replace(/[^\u0020-\u007e]/g, escaped)

export const print = (documents: Iterable<Document>): string => {
  let out = ""
  for (const { id, service, text } of documents) out += `${head}${ascii(JSON.stringify({ id, service }))}\n${text}`
  return out
}

/** The documents of a file that was printed here; undefined for any other text. */
export const parse = (text: string): ReadonlyArray<Document> | undefined => {
  if (text === "") return []
  if (!text.startsWith(head) || !text.endsWith("\n")) return undefined
  const out: Array<Document> = []
  for (const part of text.slice(head.length, -1).split(`\n${head}`)) {
    const end = part.indexOf("\n")
    try {
      const { id, service } = JSON.parse(part.slice(0, end)) as Partial<Document>
      if (typeof id !== "string") return undefined
      out.push({ id, ...(typeof service === "string" ? { service } : {}), text: `${part.slice(end + 1)}\n` })
    } catch {
      return undefined
    }
  }
  return out
}

/** The objects of one cluster in stream order. */
export const documentsOf = (desired: Desired, cluster: number): ReadonlyMap<string, Document> => {
  const out = new Map<string, Document>()
  for (const artifact of desired.artifacts()) {
    if (artifact.form === "object" && ClusterSet.has(artifact.targets, cluster))
      out.set(artifact.id, lineEnded(artifact))
  }
  return out
}

const lineEnded = (artifact: Artifact): Document =>
  artifact.text.endsWith("\n") ? artifact : { ...artifact, text: `${artifact.text}\n` }

/** What is to do, object by object. */
export const itemsOf = (target: string, { before, wanted }: Documents): ReadonlyArray<PlanItem> => {
  const out: Array<PlanItem> = []
  for (const { combines, id, service, text } of wanted.values()) {
    const old = before.get(id)
    if (old?.text === text) continue
    const item = { target, id, ...(service === undefined ? {} : { service }), digest: digest(text) }
    const more = { ...(combines === undefined ? {} : { combines }), ...inherited(old?.service, service) }
    if (old === undefined) out.push({ ...item, op: "create", added: added(text), removed: 0 })
    else out.push({ ...item, ...more, op: "update", before: digest(old.text), ...changed(old.text, text) })
  }
  for (const { id, service, text } of before.values()) {
    if (wanted.has(id)) continue
    const item = { target, id, ...(service === undefined ? {} : { service }), before: digest(text) }
    out.push({ ...item, op: "delete", added: 0, removed: added(text) })
  }
  return out
}

/** The file after these items: what is wanted first, then what stays though it is not wanted any more. */
export const composed = ({ before, wanted }: Documents, due: ReadonlySet<string>): ReadonlyArray<Document> => {
  const out: Array<Document> = []
  for (const document of wanted.values()) {
    const old = before.get(document.id)
    if (old?.text === document.text || due.has(document.id)) out.push(document)
    else if (old !== undefined) out.push(old)
  }
  for (const document of before.values()) if (!wanted.has(document.id) && !due.has(document.id)) out.push(document)
  return out
}
