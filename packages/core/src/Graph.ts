/**
 * The wiring of a pipeline: which transforms every transform, check and sink reads, and in which order they run.
 * Pure, and the same for pipeline.yaml and for layers. It never throws: what is wrong becomes a problem, all at once,
 * and the graph holds what can still be wired.
 */
import type { Code } from "./Catalogue.ts"
import * as Diagnostic from "./Diagnostic.ts"
import { common, overlap } from "./Exclusive.ts"
import type { Policy } from "./Guard.ts"
import type { Node } from "./Node.ts"
import type { Kind } from "./Plugin.ts"
import * as Suggest from "./Suggest.ts"
import type { TransformImpl } from "./Transform.ts"

export type Form = "object" | "file"

/** What a `from` calls the model. No node may have this name. */
export const modelName = "model"

/** What wiring must know of a node. What is undefined is not known, or not said; nothing is concluded from it. */
export interface Wire {
  readonly kind: Kind
  readonly id: string
  /** Switched off: only its name counts, and nobody may read from it. */
  readonly off?: boolean | undefined
  /** As written; undefined means the default. */
  readonly from?: ReadonlyArray<string> | undefined
  /** Of a transform: forms of the artifacts it makes. */
  readonly produces?: ReadonlyArray<Form> | undefined
  /** Of a transform that is already made. */
  readonly shape?: TransformImpl["shape"] | undefined
  /** Of a sink: forms of the artifacts it takes. */
  readonly accepts?: ReadonlyArray<Form> | undefined
  readonly policy?: Policy | undefined
  /** False: the sink cannot delete. */
  readonly deletes?: boolean | undefined
  /** Keys of what only one sink may write. */
  readonly exclusive?: ReadonlyArray<string> | undefined
}

export interface Graph {
  /** All of them feed the model. */
  readonly sources: ReadonlyArray<string>
  /** Transforms, each after those it reads; ties by name, so that nothing depends on the order of declaration. */
  readonly order: ReadonlyArray<string>
  readonly checks: ReadonlyArray<string>
  readonly sinks: ReadonlyArray<string>
  /** Transforms that no other transform reads, in order. */
  readonly leaves: ReadonlyArray<string>
  /** The transforms that each transform, check and sink reads, in order. Empty: it reads the model. */
  readonly upstream: ReadonlyMap<string, ReadonlyArray<string>>
}

export interface Wired {
  readonly graph: Graph
  /** Where there is one, nothing may be delivered: a sink that reads less than was meant would delete the rest. */
  readonly problems: ReadonlyArray<Problem>
}

/** A finding about a node; `path` leads from the node to what is wrong, as `["from", 1]`. */
export interface Problem {
  readonly kind: Kind
  readonly node: string
  readonly path: ReadonlyArray<string | number>
  readonly diagnostic: Diagnostic.Diagnostic
}

export interface Options {
  /** The pipeline's metadata.name, where it has one. */
  readonly owner?: string | undefined
  /** Something about the nodes is already known to be wrong: findings that could be its consequence are left out. */
  readonly incomplete?: boolean | undefined
}

/** The wire of a node that is already made. */
export const wireOf = (node: Node): Wire => ({
  kind: node.kind,
  id: node.id,
  ...("from" in node.options ? { from: node.options.from } : {}),
  ...(node.kind === "transform" ? { produces: node.produces ?? ["object"], shape: node.impl.shape } : {}),
  ...(node.kind === "sink"
    ? {
        accepts: node.traits.accepts,
        deletes: node.traits.deletes,
        policy: node.options.policy,
        exclusive: node.exclusive
      }
    : {})
})

const name = /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/

/** A lower-case letter, then letters, digits and dashes; at most 63, no dash at the end; not `model`. */
export const isNodeName = (text: string): boolean => name.test(text) && text !== modelName

/** Wires the nodes. Checks read what the sinks read; a sink without `from` reads every leaf it accepts. */
export const wire = (nodes: ReadonlyArray<Wire>, options: Options = {}): Wired => {
  const problems: Array<Problem> = []
  const all = names(nodes, problems)
  const known = new Map([...all].filter(([, node]) => node.off !== true))
  const reads = new Map<string, ReadonlyArray<string>>()
  for (const node of known.values()) if (node.from !== undefined) reads.set(node.id, references(node, all, problems))
  const transforms = of(known, "transform")
  for (const t of transforms) if (t.from === undefined) reads.set(t.id, [])
  const order = sort(transforms, reads, problems)
  const position = new Map(order.map((id, i) => [id, i]))
  const sorted = (ids: Iterable<string>) =>
    [...new Set(ids)].filter((id) => position.has(id)).sort((a, b) => position.get(a)! - position.get(b)!)

  const read = new Set(transforms.flatMap((t) => reads.get(t.id)!))
  const leaves = order.filter((id) => !read.has(id))
  const broken = options.incomplete === true || problems.length > 0
  const sinks = of(known, "sink")
  for (const sink of sinks) {
    if (sink.from === undefined) reads.set(sink.id, accepted(sink, leaves, known, problems, broken))
    else formsOf(sink, known, problems)
  }
  const taken = sinks.flatMap((s) => reads.get(s.id)!)
  const checks = of(known, "check")
  for (const check of checks) if (check.from === undefined) reads.set(check.id, sinks.length > 0 ? taken : leaves)
  for (const t of transforms) if (t.shape !== undefined && position.has(t.id)) shapes(t, reads.get(t.id)!, problems)
  if (!broken) unused(transforms, [...sinks, ...checks], reads, known, problems)
  targets(sinks, problems)
  for (const sink of sinks) if (sink.policy === "sync") deleting(sink, options.owner, problems)

  const ids = (kind: Kind) =>
    of(known, kind)
      .map((n) => n.id)
      .sort()
  const upstream = new Map([...reads].map(([id, list]) => [id, sorted(list)]))
  const graph = { sources: ids("source"), order, checks: ids("check"), sinks: ids("sink"), leaves, upstream }
  return { graph, problems }
}

const of = (nodes: ReadonlyMap<string, Wire>, kind: Kind): ReadonlyArray<Wire> =>
  [...nodes.values()].filter((n) => n.kind === kind)

/** Path of a field as a person reads it: `sinks.out.from[1]`. */
export const fieldOf = (kind: Kind, node: string, path: ReadonlyArray<string | number> = []): string =>
  path.reduce<string>((text, p) => text + (typeof p === "number" ? `[${p}]` : `.${p}`), `${kind}s.${node}`)

const problem = (
  problems: Array<Problem>,
  code: Code,
  node: Wire,
  path: ReadonlyArray<string | number>,
  message: string,
  help?: string
): void => {
  const field = fieldOf(node.kind, node.id, path)
  const diagnostic = Diagnostic.error(code, message, { node: node.id, field, help })
  problems.push({ kind: node.kind, node: node.id, path, diagnostic })
}

/** The nodes by name; a second one of a name is left out. */
const names = (nodes: ReadonlyArray<Wire>, problems: Array<Problem>): ReadonlyMap<string, Wire> => {
  const known = new Map<string, Wire>()
  for (const node of nodes) {
    const other = known.get(node.id)
    if (other !== undefined) {
      const help = `rename one of the two, as \`${node.id}-${node.kind}\``
      problem(problems, "CW106", node, [], `${node.kind} \`${node.id}\` has the name of a ${other.kind}`, help)
    } else {
      if (!isNodeName(node.id))
        problem(problems, "CW106", node, [], `\`${node.id}\` cannot be the name of a node`, nameHelp(node.id))
      known.set(node.id, node)
    }
  }
  return known
}

const nameHelp = (id: string): string | undefined => {
  if (id === modelName) return `\`${modelName}\` is what \`from\` calls the model; use another name`
  const near = id
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+|-+$/g, "")
    .slice(0, 63)
  return isNodeName(near) ? `did you mean "${near}"? a lower-case letter, then letters, digits and dashes` : undefined
}

/** The transforms a `from` names; what it must not name is a problem. */
const references = (node: Wire, known: ReadonlyMap<string, Wire>, problems: Array<Problem>): ReadonlyArray<string> => {
  const from = node.from!
  const found: Array<string> = []
  if (node.kind === "source") problem(problems, "CW303", node, ["from"], `source \`${node.id}\` cannot have a \`from\``)
  if (from.length === 0) {
    const help = "leave `from` out for the default, or set `enabled: false`"
    problem(problems, "CW303", node, ["from"], `${node.kind} \`${node.id}\` reads from nothing`, help)
  }
  from.forEach((id, i) => {
    const at = ["from", i]
    const other = known.get(id)
    if (from.indexOf(id) < i) {
      problem(problems, "CW304", node, at, `\`${id}\` is named twice in \`from\``)
    } else if (id === modelName) {
      if (node.kind !== "transform") {
        problem(problems, "CW303", node, at, `${node.kind} \`${node.id}\` cannot read the model`, "name transforms")
      } else if (from.length > 1) {
        const help = "name either `model` or transforms"
        problem(problems, "CW303", node, at, `transform \`${node.id}\` cannot read the model and transforms`, help)
      }
    } else if (other?.off === true) {
      problem(
        problems,
        "CW301",
        node,
        at,
        `\`${id}\` is switched off`,
        "remove it from `from`, or set its `enabled: true`"
      )
    } else if (other === undefined) {
      const candidates = of(known, "transform")
        .filter((t) => t.off !== true && t.id !== node.id)
        .map((t) => t.id)
      const help = Suggest.help(id, node.kind === "transform" ? [...candidates, modelName] : candidates)
      problem(problems, "CW301", node, at, `unknown node \`${id}\``, help)
    } else if (other.kind !== "transform") {
      const message = `${node.kind} \`${node.id}\` cannot read from ${other.kind} \`${id}\``
      const help =
        other.kind === "source" ? "sources feed the model; leave `from` out, or name transforms" : "name transforms"
      problem(problems, "CW303", node, at, message, help)
    } else {
      found.push(id)
    }
  })
  return found
}

/** Topological order by name; every loop is one problem, and its members and readers are left out. */
const sort = (
  transforms: ReadonlyArray<Wire>,
  reads: ReadonlyMap<string, ReadonlyArray<string>>,
  problems: Array<Problem>
): ReadonlyArray<string> => {
  const order: Array<string> = []
  const done = new Set<string>()
  let waiting = [...transforms].sort((a, b) => (a.id < b.id ? -1 : 1))
  for (;;) {
    const ready = waiting.find((t) => reads.get(t.id)!.every((id) => done.has(id)))
    if (ready === undefined) break
    done.add(ready.id)
    order.push(ready.id)
    waiting = waiting.filter((t) => t !== ready)
  }
  const told = new Set<string>()
  for (const start of waiting) {
    const loop = told.has(start.id) ? undefined : loopFrom(start.id, reads)
    if (loop === undefined || loop.some((id) => told.has(id))) continue
    for (const id of loop) told.add(id)
    const path = ["from", start.from!.indexOf(loop[1]!)]
    // `from` points against the flow: read backwards, the loop is told as the artifacts would go.
    const flow = [...loop].reverse().join(" → ")
    problem(
      problems,
      "CW302",
      start,
      path,
      start.id === loop[1] ? `transform \`${start.id}\` reads itself` : `transforms form a cycle: ${flow}`
    )
  }
  return order
}

/** The shortest way from a node along `from` back to itself, first and last the node itself. */
const loopFrom = (
  start: string,
  reads: ReadonlyMap<string, ReadonlyArray<string>>
): ReadonlyArray<string> | undefined => {
  const cameFrom = new Map<string, string>()
  const queue = [start]
  for (let i = 0; i < queue.length; i++) {
    for (const next of reads.get(queue[i]!) ?? []) {
      if (next === start) {
        const way = [start]
        for (let at = queue[i]!; at !== start; at = cameFrom.get(at)!) way.unshift(at)
        return [start, ...way]
      }
      if (!cameFrom.has(next)) {
        cameFrom.set(next, queue[i]!)
        queue.push(next)
      }
    }
  }
  return undefined
}

const fits = (sink: Wire, transform: Wire | undefined): boolean =>
  sink.accepts === undefined ||
  transform?.produces === undefined ||
  transform.produces.some((form) => sink.accepts!.includes(form))

const forms = (list: ReadonlyArray<Form> | undefined): string =>
  list === undefined || list.length === 0 ? "nothing" : list.map((f) => `${f}s`).join(" and ")

/** The default of a sink: every leaf that makes something it takes. */
const accepted = (
  sink: Wire,
  leaves: ReadonlyArray<string>,
  known: ReadonlyMap<string, Wire>,
  problems: Array<Problem>,
  broken: boolean
): ReadonlyArray<string> => {
  const found = leaves.filter((id) => fits(sink, known.get(id)))
  if (found.length === 0 && sink.accepts !== undefined && !broken) {
    const message = `sink \`${sink.id}\` takes ${forms(sink.accepts)}, but no transform makes any`
    problem(problems, "CW307", sink, [], message, "add a transform whose output it takes")
  }
  return found
}

/** An explicit `from` may name only transforms that make something the sink takes. */
const formsOf = (sink: Wire, known: ReadonlyMap<string, Wire>, problems: Array<Problem>): void => {
  sink.from!.forEach((id, i) => {
    const transform = known.get(id)
    if (transform?.kind !== "transform" || fits(sink, transform)) return
    const message = `sink \`${sink.id}\` takes ${forms(sink.accepts)}, but \`${id}\` makes ${forms(transform.produces)}`
    problem(problems, "CW307", sink, ["from", i], message)
  })
}

const shapes = (t: Wire, reads: ReadonlyArray<string>, problems: Array<Problem>): void => {
  if (t.shape === "artifact" && reads.length === 0) {
    const help = "name the transforms whose artifacts it changes in `from`"
    problem(problems, "CW303", t, [], `transform \`${t.id}\` reads artifacts, not the model`, help)
  } else if ((t.shape === "service" || t.shape === "model") && reads.length > 0) {
    problem(problems, "CW303", t, ["from"], `transform \`${t.id}\` reads the model, not artifacts`, "leave `from` out")
  }
}

const unused = (
  transforms: ReadonlyArray<Wire>,
  ends: ReadonlyArray<Wire>,
  reads: ReadonlyMap<string, ReadonlyArray<string>>,
  known: ReadonlyMap<string, Wire>,
  problems: Array<Problem>
): void => {
  const used = new Set<string>()
  const queue = ends.flatMap((n) => reads.get(n.id)!)
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    if (used.has(id)) continue
    used.add(id)
    queue.push(...(reads.get(id) ?? []))
  }
  for (const t of transforms) {
    if (used.has(t.id)) continue
    const misfit = [...known.values()].some((n) => n.kind === "sink" && n.from === undefined && !fits(n, t))
    const help = misfit
      ? `it makes ${forms(t.produces)}, which no sink takes; add such a sink, or set \`enabled: false\``
      : "name it in the `from` of a sink, or set `enabled: false`"
    problem(problems, "CW104", t, [], `transform \`${t.id}\` is never used`, help)
  }
}

const targets = (sinks: ReadonlyArray<Wire>, problems: Array<Problem>): void => {
  const owner = new Map<string, string>()
  for (const sink of sinks) {
    const clash = new Map<string, string>()
    const keys = new Set(sink.exclusive ?? [])
    for (const key of keys) {
      for (const [taken, other] of owner)
        if (overlap(taken, key) && !clash.has(other)) clash.set(other, common(taken, key))
    }
    for (const key of keys) if (!owner.has(key)) owner.set(key, sink.id)
    for (const [other, key] of clash) {
      problem(problems, "CW305", sink, [], `sinks \`${other}\` and \`${sink.id}\` both write ${key}`)
    }
  }
}

const deleting = (sink: Wire, owner: string | undefined, problems: Array<Problem>): void => {
  if (sink.deletes === false) {
    problem(problems, "CW306", sink, ["policy"], `sink \`${sink.id}\` cannot delete, so it cannot be \`policy: sync\``)
  }
  if (owner === undefined) {
    const help = "add `metadata: { name: … }`: it marks what this pipeline owns, and only that is deleted"
    problem(problems, "CW109", sink, ["policy"], `sink \`${sink.id}\` deletes, but the pipeline has no name`, help)
  }
}
