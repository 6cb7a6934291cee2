/**
 * A plan in a file: digests and names, no bodies and no values. `cw apply` renders again and compares: what moved in the
 * meantime, on either side, refuses the whole plan.
 */
import { readFileSync } from "node:fs"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { canonical, digest } from "@coddiwomple/core/Digest"
import { compareItems, type Plan, type PlanItem } from "@coddiwomple/core/Plan"
import * as Schema from "effect/Schema"
import type { Basis } from "./Basis.ts"
import * as OutFile from "./OutFile.ts"
import type { SinkPlan } from "./PlanText.ts"

const Item = Schema.Struct({
  op: Schema.Literals(["create", "update", "delete", "held", "conflict"]),
  target: Schema.String,
  id: Schema.String,
  digest: Schema.optionalKey(Schema.String),
  before: Schema.optionalKey(Schema.String)
})

/** 1 held items alone. */
const version = 2

const Saved = Schema.Struct({
  version: Schema.Literal(version),
  cw: Schema.String,
  created: Schema.String,
  /** Of the pipeline file, relative to the plan. */
  file: Schema.String,
  allowDeletes: Schema.optionalKey(Schema.Union([Schema.Int, Schema.Literal("all")])),
  pipelines: Schema.Record(
    Schema.String,
    Schema.Record(
      Schema.String,
      Schema.Struct({
        items: Schema.Array(Item),
        opaque: Schema.optionalKey(Schema.Boolean),
        /** Digests: see Basis. */
        where: Schema.String,
        what: Schema.String
      })
    )
  ),
  /** Of everything above: a plan that was edited is refused. */
  digest: Schema.String
})

const Older = Schema.Struct({
  version: Schema.Literal(1),
  cw: Schema.String,
  pipelines: Schema.Record(Schema.String, Schema.Unknown),
  digest: Schema.String
})

export type Saved = typeof Saved.Type
type Item = typeof Item.Type

const reduced = ({ op, target, id, digest, before }: PlanItem): Item => ({
  op,
  target,
  id,
  ...(digest === undefined ? {} : { digest }),
  ...(before === undefined ? {} : { before })
})

const items = (plan: Plan): ReadonlyArray<Item> => [...plan.items].sort(compareItems).map(reduced)

export interface Planned {
  readonly pipeline: string
  readonly sinks: ReadonlyArray<SinkPlan>
  /** By sink. */
  readonly bases: ReadonlyMap<string, Basis>
}

export const make = (
  planned: ReadonlyArray<Planned>,
  about: { readonly cw: string; readonly file: string; readonly allowDeletes: number | "all" | undefined }
): Saved => {
  const body = {
    version: version as typeof version,
    cw: about.cw,
    created: new Date().toISOString(),
    file: about.file,
    ...(about.allowDeletes === undefined ? {} : { allowDeletes: about.allowDeletes }),
    pipelines: Object.fromEntries(
      planned.map(({ bases, pipeline, sinks }) => [
        pipeline,
        Object.fromEntries(
          sinks.map(({ sink, plan }) => [
            sink,
            { items: items(plan), ...(plan.opaque === true ? { opaque: true } : {}), ...bases.get(sink)! }
          ])
        )
      ])
    )
  }
  return { ...body, digest: digest(canonical(body)) }
}

/** What `--out` may replace: a plan, whether or not it is still valid. */
export const outFile: OutFile.Kind = {
  what: "a plan",
  flag: "--out",
  is: (text) => {
    try {
      return Schema.is(Schema.Union([Saved, Older]))(JSON.parse(text))
    } catch {
      return false
    }
  }
}

export const write = (path: string, saved: Saved): OutFile.Problem | undefined =>
  OutFile.write(path, `${JSON.stringify(saved, null, 1)}\n`, outFile)

/** The plan, or why the file cannot be used. */
export const read = (path: string): Saved | Diagnostic.Diagnostic => {
  const place = { file: path }
  try {
    const text: unknown = JSON.parse(readFileSync(path, "utf8"))
    if (Schema.is(Older)(text))
      return Diagnostic.error("CW904", `${path} was made by an older cw, which did not write down all it rests on`, {
        place,
        help: "plan again with `cw plan --out`"
      })
    const saved = Schema.decodeUnknownSync(Saved)(text)
    const { digest: stated, ...body } = saved
    return digest(canonical(body)) === stated
      ? saved
      : Diagnostic.error("CW904", `${path} was changed after it was made`, { place })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT")
      return Diagnostic.error("CW003", `${path} does not exist`, { place })
    return Diagnostic.error("CW904", `${path} is not a plan of cw: ${(cause as Error).message.split("\n")[0]}`, {
      place
    })
  }
}

const key = (item: Item): string => JSON.stringify([item.target, item.id])

/** What differs between what was planned and what would be done now; empty where nothing moved. */
export const moved = (
  saved: Saved,
  pipeline: string,
  sink: string,
  plan: Plan,
  basis: Basis
): ReadonlyArray<string> => {
  const then = saved.pipelines[pipeline]?.[sink]
  if (then === undefined) return [`sink ${sink} was not in the plan`]
  const before = new Map(then.items.map((item) => [key(item), item]))
  const now = new Map(items(plan).map((item) => [key(item), item]))
  const out: Array<string> = []
  const name = (item: Item) => `${item.target} ${item.id}`
  for (const [k, item] of now) {
    const old = before.get(k)
    if (old === undefined) out.push(`${name(item)}: to ${item.op} now, was as it should be`)
    else if (old.op !== item.op) out.push(`${name(item)}: to ${item.op} now, was to ${old.op}`)
    else if (old.digest !== item.digest) out.push(`${name(item)}: what is to be written has changed`)
    else if (old.before !== item.before) out.push(`${name(item)}: what is there has changed`)
  }
  for (const [k, item] of before) if (!now.has(k)) out.push(`${name(item)}: was to ${item.op}, is as it should be now`)
  if ((then.opaque ?? false) !== (plan.opaque ?? false)) out.push(`sink ${sink} is another one now`)
  if (then.where !== basis.where) out.push("where it writes has changed: its configuration, or a cluster")
  if (then.what !== basis.what && out.length === 0) out.push("what it is given has changed")
  return out
}
