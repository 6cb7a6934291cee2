/**
 * The configuration as it counts, for `cw config`: with defaults, and where each value comes from. What variables filled
 * in stays the reference; secret fields and whatever came out of a file are `<redacted>`; of a plugin that is not loaded,
 * all from outside.
 */
import type { Place } from "@coddiwomple/core/Diagnostic"
import { placeText } from "@coddiwomple/core/Diagnostic"
import { modelName } from "@coddiwomple/core/Graph"
import * as UrlCredentials from "@coddiwomple/core/UrlCredentials"
import { Document as Yaml, isScalar } from "yaml"
import { memberOf, typed } from "./Fill.ts"
import { looksSecret, stars } from "./Mask.ts"
import type { Pipeline, PipelineNode } from "./Pipeline.ts"
import * as Config from "./PipelineConfig.ts"
import { isSecret, keyShape } from "./Secret.ts"
import { type Shape, shapeOf } from "./Shape.ts"
import { child, find, fromValue, mapping, type Path, put, type Tree } from "./Tree.ts"

export const redacted = "<redacted>"

/** Where a value comes from: written at a place, filled in there from variables or files, or a default. */
export type Origin =
  | { readonly type: "written"; readonly place: Place }
  | { readonly type: "filled"; readonly place: Place; readonly from: ReadonlyArray<string> }
  | { readonly type: "default" }

export interface Effective {
  readonly value: Readonly<Record<string, unknown>>
  /** Of every value that is no collection, or an empty one; in the order of the value. */
  readonly origins: ReadonlyArray<{ readonly path: Path; readonly origin: Origin }>
}

export interface Options {
  /** Shows secrets too. */
  readonly unredacted?: boolean
}

/** The effective form of a pipeline. */
export const effective = (pipeline: Pipeline, options: Options = {}): Effective => {
  const walk = new Walk(pipeline, options.unredacted === true)
  const value: Record<string, unknown> = { apiVersion: Config.apiVersion, kind: "Pipeline" }
  walk.origin(["apiVersion"])
  walk.origin(["kind"])
  value.metadata = walk.part(["metadata"], shapeOf(Config.MetadataConfig.ast))
  for (const kind of Config.kinds) {
    const section = Config.section(kind)
    const nodes = pipeline.nodes.filter((n) => n.kind === kind)
    const all = Object.fromEntries(nodes.map((node) => [node.id, walk.node(section, node)]))
    if (nodes.length > 0) value[section] = all
    if (kind === "source") value.model = walk.part(["model"], shapeOf(Config.ModelConfig.ast))
  }
  value.trigger = walk.part(["trigger"], shapeOf(Config.TriggerConfig.ast))
  return { value, origins: walk.origins }
}

/** As YAML; with `origins`, each value is followed by where it comes from. Documents of several are parted by `---`. */
export const toYaml = (all: ReadonlyArray<Effective>, options: { readonly origins?: boolean } = {}): string =>
  all.map((one) => oneYaml(one, options.origins === true)).join("---\n")

const oneYaml = ({ value, origins }: Effective, comments: boolean): string => {
  const document = new Yaml(value, { aliasDuplicateObjects: false })
  for (const { path, origin } of comments ? origins : []) {
    const node = document.getIn(path, true)
    if (isScalar(node)) node.comment = ` ${originText(origin)}`
  }
  return document.toString({ lineWidth: 0 })
}

export const originText = (origin: Origin): string => {
  if (origin.type === "default") return "default"
  const { source: _source, endCol: _endCol, col: _col, ...place } = origin.place
  return origin.type === "written" ? placeText(place) : `${origin.from.join(", ")} in ${placeText(place)}`
}

class Walk {
  readonly origins: Array<{ readonly path: Path; readonly origin: Origin }> = []
  private readonly pipeline: Pipeline
  private readonly unredacted: boolean

  constructor(pipeline: Pipeline, unredacted: boolean) {
    this.pipeline = pipeline
    this.unredacted = unredacted
  }

  /** Notes where the value of a path comes from. */
  origin(path: Path, tree?: Tree): void {
    const written = find(this.pipeline.read.document.root, path) !== undefined
    const filled = tree?.kind === "scalar" ? this.pipeline.read.interpolated.values.get(tree) : undefined
    const place = this.pipeline.place(path)
    const origin: Origin = !written
      ? { type: "default" }
      : filled === undefined || filled.from.length === 0
        ? { type: "written", place }
        : { type: "filled", place, from: filled.from }
    this.origins.push({ path, origin })
  }

  part(path: Path, shape: Shape | undefined): unknown {
    return this.complete(find(this.pipeline.read.document.root, path)?.tree, shape, path)
  }

  node(section: string, node: PipelineNode): unknown {
    const path = [section, node.id]
    const own = node.plugin === undefined ? undefined : shapeOf(node.plugin.config.ast)
    const tree = find(this.pipeline.read.document.root, path)?.tree
    const framework =
      tree?.kind === "mapping" ? [...tree.entries].filter(([key]) => key !== "with" && key !== "from") : []
    const value = this.complete(mapping(new Map(framework)), shapeOf(Config.nodeConfig[node.kind].ast), path) as object
    const config = this.complete(tree === undefined ? undefined : child(tree, "with")?.tree, own, [...path, "with"])
    const upstream = this.pipeline.graph.upstream.get(node.id) ?? []
    const from = node.kind === "transform" && upstream.length === 0 ? [modelName] : upstream
    if (node.kind !== "source") from.forEach((_, i) => this.origin([...path, "from", i]))
    const { uses, ...rest } = value as Record<string, unknown>
    return { uses, with: config, ...(node.kind === "source" ? {} : { from }), ...rest }
  }

  /** A value with its defaults. Absent and null stand for an empty mapping where a mapping is wanted. */
  private complete(tree: Tree | undefined, wanted: Shape | undefined, path: Path): unknown {
    const shape = member(wanted, tree)
    if (isSecret(wanted) && !this.unredacted) {
      this.origin(path, tree)
      return redacted
    }
    if (tree?.kind === "sequence") {
      if (tree.items.length === 0) this.origin(path)
      return tree.items.map((item, i) =>
        this.complete(item.tree, shape?.type === "list" ? (shape.first[i] ?? shape.items) : memberOf(wanted, "[]"), [
          ...path,
          i
        ])
      )
    }
    if (tree?.kind === "mapping" || (shape?.type === "mapping" && isEmpty(tree))) {
      return this.mapping(tree?.kind === "mapping" ? tree : mapping(new Map()), wanted, shape, path)
    }
    this.origin(path, tree)
    return tree === undefined || tree.kind !== "scalar" ? {} : this.scalar(tree, wanted, path)
  }

  private mapping(
    tree: Tree & { readonly kind: "mapping" },
    wanted: Shape | undefined,
    shape: Shape | undefined,
    path: Path
  ): unknown {
    const object = {}
    for (const [key, entry] of tree.entries)
      put(object, key, this.complete(entry.tree, keyShape(wanted, shape, key), [...path, key]))
    for (const { name, fallback, shape: own } of shape?.type === "mapping" ? shape.keys : []) {
      if (tree.entries.has(name) || fallback === undefined) continue
      put(object, name, this.complete(fromValue(fallback.value), own, [...path, name]))
    }
    if (Object.keys(object).length === 0) this.origin(path)
    return object
  }

  private scalar(tree: Tree & { readonly kind: "scalar" }, shape: Shape | undefined, path: Path): unknown {
    const filled = this.pipeline.read.interpolated.values.get(tree)
    const value = filled === undefined ? tree.value : typed(filled.value, shape)
    if (this.unredacted) return value
    if (literalSecret(tree.value, path)) return redacted
    if (filled === undefined) return masked(tree.value)
    // Nobody can say which variables are secret: what came from outside is shown as it is referred to.
    if (filled.from.length === 0) return masked(value)
    return shape === undefined || filled.from.some((f) => f.startsWith("file:")) ? redacted : masked(tree.value)
  }
}

/** In a field that is called so, though its schema may not say so, and not just a reference. */
const literalSecret = (written: unknown, [, , top, ...path]: Path): boolean =>
  top === "with" &&
  typeof written === "string" &&
  path.some((key) => looksSecret(String(key))) &&
  stars(written).includes("*")

const isEmpty = (tree: Tree | undefined): boolean =>
  tree === undefined || (tree.kind === "scalar" && tree.value === null)

/** Of a union, the member that knows every key; else nothing is known of defaults. */
const member = (shape: Shape | undefined, tree: Tree | undefined): Shape | undefined => {
  if (shape?.type === "again") return member(shape.get(), tree)
  if (shape?.type !== "union") return shape
  if (tree?.kind === "sequence") return shape.members.find((m) => m.type === "list")
  if (tree?.kind !== "mapping") return undefined
  const fits = (m: Shape) =>
    m.type === "mapping" &&
    [...tree.entries.keys()].every((key) => m.rest !== undefined || m.keys.some((k) => k.name === key)) &&
    m.keys.every((k) => k.optional || tree.entries.has(k.name))
  return shape.members.find(fits)
}

/** Credentials in a URL are never shown, whatever field holds it; a reference to them is. */
const masked = (value: unknown): unknown =>
  typeof value === "string"
    ? UrlCredentials.replace(value, (found) => `${isReference(found) ? found : redacted}@`)
    : value

const isReference = (text: string): boolean => /^[^:]*:?\$\{[^}]*\}$/.test(text) && !/^[^$]*[^$:]\$\{/.test(text)
