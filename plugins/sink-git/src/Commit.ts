/**
 * One commit for all changes, made without index and worktree: what is written goes to fast-import as it is, past every
 * filter. Equal changes on an equal base give an equal commit.
 */
import { textOf, type Wanted as File } from "@coddiwomple/core/FileSlot"
import type { PluginError } from "@coddiwomple/core/PluginError"
import type { ReportItem } from "@coddiwomple/core/Plan"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { refused } from "@coddiwomple/core/PluginError"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Buffer } from "node:buffer"
import type { Change } from "./Compose.ts"
import type { Config } from "./Config.ts"
import { Broken, type Git, said } from "./Git.ts"
import { commitOf } from "./History.ts"

export interface CommitRequest {
  readonly config: Config
  readonly prefix: string
  /** Parent; undefined for the first commit of a branch. */
  readonly parent: string | undefined
  /** Commit whose tree is changed, where that is not the parent. */
  readonly from: string | undefined
  readonly changes: ReadonlyArray<Change>
  readonly message: string
  /** Seconds since the epoch; undefined: one second after the parent. */
  readonly date: number | undefined
  /** File of the signing key, absolute, or id of the key. */
  readonly signingKey: string | undefined
}

export interface Made {
  readonly id: string
  /** It changes nothing against its parent. */
  readonly same: boolean
}

/** Where `date: derived` begins. */
const origin = 946_684_800

export const next = "refs/cw/next"

/** Small, so that what is made for it dies young. */
const piece = 32 * 1024

export const commit = (git: Git, request: CommitRequest): Effect.Effect<Made, PluginError | Broken> =>
  Effect.gen(function* () {
    const { config, parent } = request
    const below = parent === undefined ? undefined : yield* commitOf(git, parent)
    const date = request.date ?? (below === undefined ? origin : below.date + 1)
    const from =
      request.from === undefined || request.from === parent ? undefined : (yield* commitOf(git, request.from)).tree
    const input = Stream.fromIterable(script(request, date, from), { chunkSize: 1 })
    const options = ["-c", "pack.compression=1", "-c", "fastimport.unpackLimit=1"]
    const printed = yield* git.local(
      [...options, "fast-import", "--quiet", "--done", "--force", "--date-format=raw"],
      input
    )
    const id = printed.toString("latin1").trim()
    if (!/^[0-9a-f]{40}$/.test(id)) return yield* Effect.fail(new Broken(`fast-import said ${id.slice(0, 80)}`))
    const { tree } = yield* commitOf(git, id)
    const same = tree === below?.tree
    return { id: config.sign === undefined ? id : yield* signed(git, request, tree, date), same }
  })

function* script(
  { changes, config, message, parent, prefix }: CommitRequest,
  date: number,
  from: string | undefined
): Generator<Uint8Array> {
  let text = ""
  // A text that many clusters share is sent once.
  const marks = new Map<File | string, number>()
  for (const { file } of changes) {
    if (file === undefined || marks.has(file)) continue
    marks.set(file, marks.size + 1)
    const body = typeof file === "string" ? file : textOf(file)
    text += `blob\nmark :${marks.size}\ndata ${Buffer.byteLength(body)}\n${body}\n`
    if (text.length > piece) {
      yield Buffer.from(text)
      text = ""
    }
  }
  const mark = marks.size + 1
  const { email, name } = config.author
  text += parent === undefined ? `reset ${next}\n\n` : ""
  text += `commit ${next}\nmark :${mark}\nauthor ${name} <${email}> ${date} +0000\ncommitter ${name} <${email}> ${date} +0000\n`
  text += `data ${Buffer.byteLength(message)}\n${message}\n`
  if (parent !== undefined) text += `from ${parent}\n`
  if (from !== undefined) text += `M 040000 ${from} ""\n`
  const full = ({ folder, path }: Change) => `${prefix}${folder === undefined ? "" : `${folder}/`}${path}`
  // What goes, goes first: a folder may take the place of a file.
  for (const change of changes) if (change.file === undefined) text += `D ${full(change)}\n`
  for (const change of changes) {
    if (change.file !== undefined) text += `M 100644 :${marks.get(change.file)} ${full(change)}\n`
    if (text.length > piece) {
      yield Buffer.from(text)
      text = ""
    }
  }
  yield Buffer.from(`${text}\nget-mark :${mark}\ndone\n`)
}

const signed = (
  git: Git,
  { config, message, parent, signingKey }: CommitRequest,
  tree: string,
  date: number
): Effect.Effect<string, PluginError> =>
  Effect.gen(function* () {
    const { author } = config
    const env = {
      GIT_AUTHOR_NAME: author.name,
      GIT_AUTHOR_EMAIL: author.email,
      GIT_AUTHOR_DATE: `${date} +0000`,
      GIT_COMMITTER_NAME: author.name,
      GIT_COMMITTER_EMAIL: author.email,
      GIT_COMMITTER_DATE: `${date} +0000`
    }
    const options = ["-c", `gpg.format=${config.sign!.format}`, "-c", `user.signingKey=${signingKey}`]
    const parents = parent === undefined ? [] : ["-p", parent]
    const { code, stderr, stdout } = yield* git.run(
      [...options, "commit-tree", "-S", ...parents, "-F", "-", tree],
      Stream.make(Buffer.from(message)),
      env
    )
    if (code === 0) return stdout.toString("latin1").trim()
    return yield* Effect.fail(
      refused([
        Diagnostic.error("CW712", `the commit cannot be signed: ${said(stderr)}`, {
          field: "sign.key",
          help: "check that the key is there, may be read, and needs no passphrase"
        })
      ])
    )
  })

/** Counts by cluster, and trailers; nothing of the moment. */
export const messageOf = (
  pipeline: string,
  report: ReadonlyArray<ReportItem>,
  manifest: string,
  trailers: Readonly<Record<string, string>>
): string => {
  const applied = report.filter((item) => item.outcome === "applied")
  const byTarget = new Map<string, Array<ReportItem>>()
  for (const item of applied) {
    const list = byTarget.get(item.target)
    if (list === undefined) byTarget.set(item.target, [item])
    else list.push(item)
  }
  const targets = [...byTarget.keys()].sort()
  const body = targets.map((target) => `${target}: ${counts(byTarget.get(target)!)}`)
  const lines = { "Cw-Pipeline": pipeline, "Cw-Inventory": manifest, ...trailers }
  return [
    title(pipeline, applied, targets),
    ...(body.length === 0
      ? []
      : ["", ...body.slice(0, 100), ...(body.length > 100 ? [`and ${body.length - 100} more clusters`] : [])]),
    "",
    ...Object.entries(lines).map(([key, value]) => `${key}: ${value}`),
    ""
  ].join("\n")
}

const title = (pipeline: string, applied: ReadonlyArray<ReportItem>, targets: ReadonlyArray<string>): string =>
  applied.length === 0
    ? `${pipeline}: records`
    : `${pipeline}: ${counts(applied)} in ${targets.length === 1 ? targets[0]! : `${targets.length} clusters`}`

const words = [
  ["create", "created"],
  ["update", "updated"],
  ["delete", "deleted"]
] as const

const counts = (items: ReadonlyArray<ReportItem>): string =>
  words
    .map(([op, word]) => [items.filter((item) => item.op === op).length, word] as const)
    .filter(([n]) => n > 0)
    .map(([n, word]) => `${n} ${word}`)
    .join(", ")
