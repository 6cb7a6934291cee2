/**
 * What is wanted against what a commit holds: the only place that decides whether a file is ours. It is ours when the
 * inventory lists it and its blob is the one that we wrote; nothing else is replaced or deleted.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { Entry } from "@coddiwomple/core/Inventory"
import { added } from "@coddiwomple/core/LineCount"
import { hold, type PlanItem } from "@coddiwomple/core/Plan"
import { PathSet } from "@coddiwomple/core/SafePath"
import { type Base, manifestPath } from "./Base.ts"
import { indexText, members } from "./Compose.ts"
import { blobId, kustomization, type Place, textOf, type Wanted } from "./Wanted.ts"

export interface Rules {
  readonly adopt: boolean
  readonly overwrite: boolean
  /** A kustomization.yaml per cluster is wanted. */
  readonly index: boolean
}

export interface Comparison {
  /** By path below the prefix. */
  readonly items: ReadonlyMap<string, PlanItem>
  /** Entries that change without a change of files: adopted, described anew, vanished. */
  readonly silent: ReadonlyMap<string, Entry | undefined>
  readonly unchanged: number
  /** Entries of the inventory by target. */
  readonly owned: ReadonlyMap<string, number>
  readonly diagnostics: ReadonlyArray<Diagnostic.Diagnostic>
}

const maximumFindings = 20

/** Lines of a text that stands in many clusters are counted once. */
const lines = new WeakMap<object, number>()
const linesOf = (place: Place): number => {
  const known = lines.get(place.file) ?? added(textOf(place.file))
  lines.set(place.file, known)
  return known
}

export const compare = (wanted: Wanted, base: Base, rules: Rules): Comparison => {
  const items = new Map<string, PlanItem>()
  const silent = new Map<string, Entry | undefined>()
  const owned = new Map<string, number>()
  const findings: Array<Diagnostic.Diagnostic> = []
  const { inventory, tree } = base
  const creates: Array<string> = []
  let unchanged = 0
  const count = (target: string) => owned.set(target, (owned.get(target) ?? 0) + 1)
  const name = (path: string) => path.slice(path.indexOf("/") + 1)

  for (const [path, place] of wanted.files) {
    const { file, target } = place
    const { digest, service } = file.entry
    const there = tree.get(path)
    const entry = inventory.entries.get(path)
    if (entry !== undefined) count(target)
    if (there === digest && file.refused === undefined) {
      if (!describes(entry, place)) silent.set(path, file.entry)
      unchanged++
      continue
    }
    const item = { target, id: name(path), ...(service === undefined ? {} : { service }) }
    if (file.refused !== undefined) {
      findings.push(Diagnostic.error("CW704", `${path}: ${file.refused}`, { service }))
      items.set(path, { ...item, op: "conflict", reason: file.refused })
    } else if (there === undefined) {
      items.set(path, { ...item, op: "create", digest, added: linesOf(place), removed: 0 })
      creates.push(path)
    } else if (entry === undefined ? rules.adopt : there === entry.digest || rules.overwrite) {
      items.set(path, { ...item, op: "update", digest, before: there })
    } else {
      const reason = entry === undefined ? "there is a file that cw does not own" : "changed by someone else"
      findings.push(conflict(path, entry === undefined, service))
      items.set(path, { ...item, op: "conflict", intended: "update", digest, before: there, reason })
    }
  }

  for (const [path, entry] of inventory.entries) {
    if (wanted.files.has(path)) continue
    const target = wanted.targetOf(path)
    count(target)
    if (wanted.failed.has(target) || (rules.index && name(path) === kustomization)) continue
    const there = tree.get(path)
    if (there === undefined) {
      silent.set(path, undefined)
      continue
    }
    const item = {
      op: "delete" as const,
      target,
      id: name(path),
      before: there,
      ...(entry.service === undefined ? {} : { service: entry.service })
    }
    if (there === entry.digest) items.set(path, item)
    else {
      findings.push(
        Diagnostic.warning("CW703", `${path} is not wanted any more, but was changed by someone else: kept`)
      )
      items.set(path, hold(item, "changed by someone else"))
    }
  }

  for (const [path, other] of blocked(creates, tree, items)) {
    const item = items.get(path)!
    const reason = `collides with ${other}, which is there already`
    findings.push(Diagnostic.error("CW702", `${path} ${reason}`, { service: item.service }))
    items.set(path, { ...item, op: "conflict", reason })
  }
  if (rules.index) indexes(wanted, base, rules, items, silent, findings)
  return { items, silent, unchanged, owned, diagnostics: limited(findings) }
}

/** The index of each cluster as it will be before anything is deleted. */
const indexes = (
  wanted: Wanted,
  { inventory, tree }: Base,
  rules: Rules,
  items: Map<string, PlanItem>,
  silent: ReadonlyMap<string, Entry | undefined>,
  findings: Array<Diagnostic.Diagnostic>
): void => {
  const targets = new Set([...wanted.targets.keys()].filter((target) => !wanted.failed.has(target)))
  // Nothing comes, nothing goes, and all are as we wrote them: they name what is there.
  const intact = (target: string) => {
    const path = `${wanted.targets.get(target)}/${kustomization}`
    return tree.has(path) && tree.get(path) === inventory.entries.get(path)?.digest
  }
  const moves = silent.size > 0 || [...items.values()].some((item) => item.op === "create")
  if (!moves) for (const target of targets) if (intact(target)) targets.delete(target)
  if (targets.size === 0) return
  const entries = new Map(inventory.entries)
  for (const [path, entry] of silent) {
    if (entry === undefined) entries.delete(path)
    else entries.set(path, entry)
  }
  for (const [path, { op }] of items)
    if (op === "create" || op === "update") entries.set(path, wanted.files.get(path)!.file.entry)
  const present = (path: string) => tree.has(path) || items.get(path)?.op === "create"
  for (const [target, resources] of members(targets, entries, present, wanted)) {
    if (resources.length === 0) continue
    const path = `${wanted.targets.get(target)}/${kustomization}`
    const text = indexText(resources)
    const [there, entry, digest] = [tree.get(path), inventory.entries.get(path), blobId(text)]
    if (there === digest && entry?.digest === digest) continue
    const item = { target, id: kustomization, digest }
    if (there === undefined) items.set(path, { ...item, op: "create", added: resources.length + 3, removed: 0 })
    else if (there === digest || (entry === undefined ? rules.adopt : there === entry.digest || rules.overwrite))
      items.set(path, { ...item, op: "update", before: there })
    else {
      findings.push(conflict(path, entry === undefined, undefined))
      items.set(path, {
        ...item,
        op: "conflict",
        intended: "update",
        before: there,
        reason: "cw did not write this index"
      })
    }
  }
}

/** New paths that cannot live beside what is there and stays: in another spelling, or a file for a folder. */
const blocked = (
  creates: ReadonlyArray<string>,
  tree: ReadonlyMap<string, string>,
  items: ReadonlyMap<string, PlanItem>
): ReadonlyMap<string, string> => {
  const out = new Map<string, string>()
  if (creates.length === 0 || tree.size === 0) return out
  const set = new PathSet()
  for (const path of tree.keys()) if (items.get(path)?.op !== "delete" && path !== manifestPath) set.add(path)
  for (const path of creates) {
    const other = set.add(path)
    if (other !== undefined) out.set(path, other)
  }
  return out
}

const describes = (entry: Entry | undefined, { file }: Place): boolean =>
  entry === file.entry ||
  (entry !== undefined &&
    entry.digest === file.entry.digest &&
    entry.service === file.entry.service &&
    entry.artifact === file.entry.artifact)

const conflict = (path: string, foreign: boolean, service: string | undefined): Diagnostic.Diagnostic =>
  foreign
    ? Diagnostic.error("CW702", `${path}: there is a file that cw does not own`, {
        service,
        help: "move it away, or set adopt: true to replace it"
      })
    : Diagnostic.warning("CW703", `${path} was changed by someone else: kept`, {
        service,
        help: "revert that commit, or set overwrite: true to replace it"
      })

const limited = (findings: ReadonlyArray<Diagnostic.Diagnostic>): ReadonlyArray<Diagnostic.Diagnostic> => {
  const rest = findings.slice(maximumFindings)
  if (rest.length === 0) return findings
  const first = rest[0]!
  const more = `${rest.length} more findings, the first: ${first.message}`
  return [...findings.slice(0, maximumFindings), { ...first, message: more }]
}
