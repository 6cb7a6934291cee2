/**
 * `cw init`: a first pipeline from built-in plugins, with sample inputs where it needs some. What it writes is valid: a
 * choice of plugins that is not is refused. Nothing that is there is ever overwritten.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import { basename, dirname, join, resolve } from "node:path"
import { load } from "@coddiwomple/config/Load"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { emit } from "@coddiwomple/core/Emit"
import { toDnsLabel } from "@coddiwomple/core/Names"
import type { AnyPlugin, Kind } from "@coddiwomple/core/Plugin"
import * as Suggest from "@coddiwomple/core/Suggest"
import * as Effect from "effect/Effect"
import { builtins, kinds, kindsOf } from "./Builtins.ts"
import * as ExitCode from "./ExitCode.ts"
import { make, shellWord, shown } from "./NewFolder.ts"
import { reason } from "./OutFile.ts"
import type { Presenter } from "./Presenter.ts"
import * as Terminal from "./Terminal.ts"
import * as Usage from "./Usage.ts"

interface Chosen {
  readonly kind: Kind
  readonly type: string
  readonly plugin: AnyPlugin
}

const sampleClusters = `[
  { "name": "east", "address": "203.0.113.10" },
  { "name": "west", "address": "203.0.113.20" }
]
`

/** For plugins that talk to the clusters: the contexts are those of the usual kubeconfig. */
const liveClusters = `[
  { "name": "east", "address": "203.0.113.10", "kubeconfig_context": "east" },
  { "name": "west", "address": "203.0.113.20", "kubeconfig_context": "west" }
]
`

const isLive = ({ type }: Chosen): boolean => type === "kubernetes" || type === "kubectl-apply"

const sampleServices = `[
  {
    "name": "reviews",
    "dns_prefixes": ["reviews"],
    "ports": [{ "name": "http", "protocol": "HTTP", "service_port": 80, "backend_port": 9080 }],
    "backends": {
      "east": "reviews.default.svc.cluster.local",
      "west": "reviews.default.svc.cluster.local"
    }
  }
]
`

const sampleManifest = `apiVersion: v1
kind: Service
metadata:
  name: reviews
  namespace: default
spec:
  ports:
    - name: http
      port: 9080
`

/** Node names a person might have chosen. */
const nodeName: Readonly<Record<string, string>> = {
  json: "inventory",
  kubernetes: "fleet",
  manifests: "manifests",
  "istio-global-dns": "mesh",
  coredns: "dns",
  stdout: "out",
  files: "out",
  git: "repo",
  "kubectl-apply": "clusters"
}

const indent = (text: string, by: string): string =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => (line === "" ? line : by + line))
    .join("\n")

const deletes = (plugin: AnyPlugin): boolean =>
  (plugin as { readonly traits?: { readonly deletes?: boolean } }).traits?.deletes !== false && plugin.type !== "stdout"

/** The first example that can stand as it is: what it takes from the environment may not be set yet. */
const sample = (plugin: AnyPlugin): unknown =>
  plugin.examples?.find((example) => !JSON.stringify(example.config).includes("${"))?.config

const node = ({ kind, plugin, type }: Chosen, name: string): string => {
  const config = sample(plugin)
  const empty = typeof config !== "object" || config === null || Object.keys(config).length === 0
  return [
    `  ${name}:   # ${plugin.summary}`,
    `    uses: ${type}`,
    ...(kind === "sink" && deletes(plugin)
      ? ["    policy: sync   # deletes what it owns and nobody wants any more; upsert-only never deletes"]
      : []),
    ...(empty ? [] : ["    with:", indent(emit(config), "      ")])
  ].join("\n")
}

const document = (name: string, chosen: ReadonlyArray<Chosen>): string => {
  const names = new Map<Chosen, string>()
  for (const each of chosen) {
    const usual = nodeName[each.type] ?? each.type
    names.set(each, [...names.values()].includes(usual) ? each.type : usual)
  }
  const section = (kind: Kind) => {
    const nodes = chosen.filter((c) => c.kind === kind)
    return nodes.length === 0 ? [] : ["", `${kind}s:`, ...nodes.map((c) => node(c, names.get(c)!))]
  }
  return [
    "# cw plan shows what this would do, cw run does it; cw explain tells every key.",
    "apiVersion: coddiwomple.io/v1alpha1",
    "kind: Pipeline",
    "metadata:",
    `  ${emit({ name }).trimEnd()}   # the owner id: marks what this pipeline owns; do not change it later`,
    ...kinds.flatMap(section),
    ""
  ].join("\n")
}

/** What a pipeline needs at least, where nothing was chosen. */
const usual = [
  ["source", "json"],
  ["transform", "istio-global-dns"],
  ["sink", "stdout"]
] as const

/** The plugins, or what is wrong with the choice and what to do. */
const choose = async (
  types: ReadonlyArray<string>
): Promise<ReadonlyArray<Chosen> | readonly [what: string, advice: string]> => {
  const chosen: Array<Chosen> = []
  const add = async (kind: Kind, type: string) =>
    chosen.push({ kind, type, plugin: (await builtins[kind][type]!()).default })
  for (const type of types) {
    const [kind, another] = kindsOf(type)
    if (kind === undefined) {
      const all = kinds.flatMap((k) => Object.keys(builtins[k]))
      return [`unknown plugin ${JSON.stringify(type)}`, Suggest.help(type, all) ?? "run `cw list`"]
    }
    if (another !== undefined) {
      return [`${type} needs a command of yours`, `start with other plugins, then add it: cw explain ${type}`]
    }
    if (chosen.some((c) => c.type === type))
      return [`${type} is named twice`, "name it once, and add the second node to the file"]
    await add(kind, type)
  }
  for (const [kind, type] of usual) if (!chosen.some((c) => c.kind === kind)) await add(kind, type)
  return chosen
}

/** What is wrong with the text; only the plugins that come with cw are in it. */
const mistake = (text: string) =>
  Effect.map(
    load(text, "pipeline.yaml", {
      env: () => undefined,
      readFile: () => Effect.fail("there is none"),
      plugins: (uses, kind) => Effect.promise(() => builtins[kind][uses]!().then((module) => module.default))
    }),
    ({ diagnostics }) => diagnostics.find(Diagnostic.isError)
  )

export const init = (folder: string, types: ReadonlyArray<string>, told: Presenter) =>
  Effect.gen(function* () {
    const chosen = yield* Effect.promise(() => choose(types))
    if (typeof chosen[0] === "string") {
      Usage.refuse("init", ...(chosen as readonly [string, string]))
      return ExitCode.usage
    }
    const plugins = chosen as ReadonlyArray<Chosen>
    const path = resolve(folder)
    const file = join(path, "pipeline.yaml")
    const text = document(toDnsLabel(basename(path)) ?? "pipeline", plugins)
    const wrong = yield* mistake(text)
    if (wrong !== undefined) {
      const together = types.length === 1 ? `${types[0]} makes no pipeline` : `${types.join(", ")} make no pipeline`
      Usage.refuse("init", `${together}: ${wrong.message}`, wrong.help ?? "choose other plugins; `cw list` shows them")
      return ExitCode.usage
    }
    if (existsSync(file)) {
      Terminal.say(`cw init: ${shown(file)} exists, nothing is written`)
      return ExitCode.failed
    }
    const impossible = yield* make(path)
    if (impossible !== undefined) {
      Usage.refuse("init", impossible, "name a folder that is there, or one that can be made")
      return ExitCode.usage
    }
    try {
      const written = write(path, file, text, plugins)
      const there = folder === "." ? "" : `cd ${shellWord(shown(path))} && `
      const first = plugins.some(isLive) ? "put your clusters into clusters.json, then " : ""
      told.summary(`wrote ${written.map(shown).join(", ")}; next: ${first}${there}cw plan`)
      return ExitCode.ok
    } catch (cause) {
      Terminal.say(Diagnostic.printable(`cw init: nothing can be written to ${shown(path)}: ${reason(cause)}`))
      return ExitCode.failed
    }
  })

/** Paths of what was written. */
const write = (path: string, file: string, text: string, chosen: ReadonlyArray<Chosen>): ReadonlyArray<string> => {
  const uses = (...types: ReadonlyArray<string>) => chosen.some((c) => types.includes(c.type))
  const samples: Record<string, string> = {
    ...(uses("json", "kubernetes") ? { "clusters.json": chosen.some(isLive) ? liveClusters : sampleClusters } : {}),
    ...(uses("json") ? { "services.json": sampleServices } : {}),
    ...(uses("manifests")
      ? { "rendered/east/reviews.yaml": sampleManifest, "rendered/west/reviews.yaml": sampleManifest }
      : {})
  }
  writeFileSync(file, text, { flag: "wx" })
  const written = [file]
  for (const [name, content] of Object.entries(samples)) {
    if (existsSync(join(path, name))) continue
    mkdirSync(dirname(join(path, name)), { recursive: true })
    writeFileSync(join(path, name), content, { flag: "wx" })
    written.push(join(path, name))
  }
  return written
}
