/**
 * One path of a tree: what is wanted, what is there and what the manifest says, and so what is to do. The only place that
 * decides whether a file is ours: it is listed, and its content is what we wrote.
 */
import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import * as Diagnostic from "./Diagnostic.ts"
import { digestBytes } from "./Digest.ts"
import { type FileTree } from "./FileTree.ts"
import { same, textOf } from "./FileSlot.ts"
import { added, changed, type LineCount } from "./LineCount.ts"
import { hold, inherited, type PlanItem } from "./Plan.ts"

const encoder = new TextEncoder()

// One change of one body comes by once per cluster.
const counted = new Map<string, LineCount>()
const remember = (pair: string, counts: LineCount): void => {
  if (counted.size > 100_000) counted.clear()
  counted.set(pair, counts)
}

/** What is to do at one path: an item, nothing, or why the whole tree is refused. */
export const examine = (
  tree: FileTree,
  path: string,
  findings: Array<Diagnostic.Diagnostic>
): Effect.Effect<PlanItem | string | undefined, PlatformError> =>
  Effect.gen(function* () {
    const { target } = tree
    const { adopt, disk, overwrite } = tree.options
    const slot = tree.slots.get(path)
    if (slot === undefined) return undefined
    const { entry, wanted } = slot
    const service = wanted?.entry.service ?? entry?.service
    const item = {
      target,
      id: path,
      ...(service === undefined ? {} : { service }),
      ...inherited(entry?.service, service)
    }
    tree.silent.delete(path)
    const place = { file: disk.at(tree.full(path)) }
    if (wanted?.refused !== undefined) {
      findings.push(Diagnostic.error("CW704", `${path}: ${wanted.refused}`, { service, place }))
      // What we own there stays, and stays listed.
      if (entry !== undefined) {
        const there = yield* disk.look(tree.full(path))
        slot.disk = there.kind === "file" ? (slot.disk ?? entry.digest) : undefined
        slot.stamp = 0
      }
      return { ...item, op: "conflict" as const, reason: wanted.refused }
    }
    const seen = yield* disk.look(tree.full(path))
    if (seen.kind === "refused") return seen.problem
    if (seen.kind === "absent") {
      slot.disk = undefined
      if (wanted !== undefined)
        return {
          ...item,
          op: "create" as const,
          digest: wanted.entry.digest,
          added: added(textOf(wanted)),
          removed: 0
        }
      if (entry !== undefined) tree.silent.set(path, undefined)
      else tree.slots.delete(path)
      return undefined
    }
    let bytes: Uint8Array | undefined
    if (slot.disk === undefined || slot.stamp !== seen.stamp) {
      bytes = yield* disk.read(tree.full(path), seen.size)
      slot.disk =
        bytes === undefined
          ? "too large"
          : wanted !== undefined && equal(bytes, textOf(wanted))
            ? wanted.entry.digest
            : digestBytes(bytes)
      slot.stamp = seen.stamp
      tree.unkept++
    }
    const there = slot.disk
    const ours = entry !== undefined && (there === entry.digest || there === entry.pending)
    if (wanted === undefined) {
      if (entry === undefined) {
        tree.slots.delete(path)
        return undefined
      }
      const gone = { ...item, op: "delete" as const, before: there, added: 0 }
      if (ours) return { ...gone, removed: added(yield* content(tree, path, seen.size, bytes)) }
      findings.push(
        Diagnostic.warning("CW703", `${path} is not wanted any more, but was changed by someone else: kept`, {
          service,
          place
        })
      )
      return hold(gone, "changed by someone else")
    }
    if (there === wanted.entry.digest) {
      if (!same(entry, wanted.entry)) tree.silent.set(path, wanted.entry)
      return undefined
    }
    if (ours || (entry === undefined ? adopt : overwrite)) {
      const pair = `${there} ${wanted.entry.digest}`
      const counts = counted.get(pair) ?? changed(yield* content(tree, path, seen.size, bytes), textOf(wanted))
      remember(pair, counts)
      const { combines, entry: next } = wanted
      const more = combines === undefined ? counts : { ...counts, combines }
      return { ...item, op: "update" as const, digest: next.digest, before: there, ...more }
    }
    const reason = entry === undefined ? "there is a file that cw does not own" : "changed by someone else"
    findings.push(
      entry === undefined
        ? Diagnostic.error("CW702", `${path}: ${reason}`, {
            service,
            place,
            help: "move it away, or set adopt: true to replace it"
          })
        : Diagnostic.warning("CW703", `${path} was changed by someone else: kept`, {
            service,
            place,
            help: "restore or remove it, or set overwrite: true to replace it"
          })
    )
    return {
      ...item,
      op: "conflict" as const,
      intended: "update" as const,
      digest: wanted.entry.digest,
      before: there,
      reason
    }
  })

/** For line counts only. */
const content = (
  tree: FileTree,
  path: string,
  size: number,
  bytes: Uint8Array | undefined
): Effect.Effect<string, PlatformError> =>
  bytes === undefined
    ? Effect.map(tree.options.disk.read(tree.full(path), size), (b) => new TextDecoder().decode(b))
    : Effect.succeed(new TextDecoder().decode(bytes))

const equal = (bytes: Uint8Array, text: string): boolean => {
  // Three bytes at most stand for one unit of the text.
  if (bytes.length < text.length || bytes.length > text.length * 3) return false
  const other = encoder.encode(text)
  if (other.length !== bytes.length) return false
  for (let i = 0; i < other.length; i++) if (other[i] !== bytes[i]) return false
  return true
}
