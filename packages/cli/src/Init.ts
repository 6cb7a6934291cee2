/**
 * `cw init`: a first pipeline from built-in plugins, with sample inputs where it needs some. What it writes runs at once.
 * Nothing that is there is ever overwritten.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import { basename, join, relative, resolve } from "node:path"
import { emit } from "@coddiwomple/core/Emit"
import { toDnsLabel } from "@coddiwomple/core/Names"
import type { AnyPlugin, Kind } from "@coddiwomple/core/Plugin"
import * as Suggest from "@coddiwomple/core/Suggest"
import { builtins, kinds, kindsOf } from "./Builtins.ts"
import * as ExitCode from "./ExitCode.ts"
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

const node = ({ kind, plugin, type }: Chosen): string => {
  const config = plugin.examples?.[0]?.config
  const empty = typeof config !== "object" || config === null || Object.keys(config).length === 0
  return [
    `  ${nodeName[type] ?? type}:   # ${plugin.summary}`,
    `    uses: ${type}`,
    ...(kind === "sink" && deletes(plugin)
      ? ["    policy: sync   # deletes what it owns and nobody wants any more; upsert-only never deletes"]
      : []),
    ...(empty ? [] : ["    with:", indent(emit(config), "      ")])
  ].join("\n")
}

const document = (name: string, chosen: ReadonlyArray<Chosen>): string => {
  const section = (kind: Kind) => {
    const nodes = chosen.filter((c) => c.kind === kind)
    return nodes.length === 0 ? [] : ["", `${kind}s:`, ...nodes.map(node)]
  }
  return [
    "# cw plan shows what this would do, cw run does it; cw explain tells every key.",
    "apiVersion: coddiwomple.io/v1alpha1",
    "kind: Pipeline",
    "metadata:",
    `  name: ${name}   # the owner id: marks what this pipeline owns; do not change it later`,
    ...kinds.flatMap(section),
    ""
  ].join("\n")
}

export const init = async (folder: string, types: ReadonlyArray<string>, told: Presenter): Promise<number> => {
  const chosen: Array<Chosen> = []
  for (const type of types) {
    const kind = kindsOf(type)[0]
    if (kind === undefined) {
      const all = kinds.flatMap((k) => Object.keys(builtins[k]))
      Usage.refuse("init", `unknown plugin ${JSON.stringify(type)}`, Suggest.help(type, all) ?? "run `cw list`")
      return ExitCode.usage
    }
    chosen.push({ kind, type, plugin: (await builtins[kind][type]!()).default })
  }
  for (const [kind, usual] of [
    ["source", "json"],
    ["sink", "stdout"]
  ] as const) {
    if (!chosen.some((c) => c.kind === kind))
      chosen.push({ kind, type: usual, plugin: (await builtins[kind][usual]!()).default })
  }
  const path = resolve(folder)
  const file = join(path, "pipeline.yaml")
  const shown = (to: string) => relative(process.cwd(), to) || "."
  if (existsSync(file)) {
    Terminal.say(`cw init: ${shown(file)} exists, nothing is written`)
    return ExitCode.failed
  }
  mkdirSync(path, { recursive: true })
  const name = toDnsLabel(basename(path)) ?? "pipeline"
  const written = [file]
  writeFileSync(file, document(name, chosen), { flag: "wx" })
  if (chosen.some((c) => c.type === "json" && c.kind === "source")) {
    for (const [sample, text] of [
      ["clusters.json", sampleClusters],
      ["services.json", sampleServices]
    ] as const) {
      if (existsSync(join(path, sample))) continue
      writeFileSync(join(path, sample), text, { flag: "wx" })
      written.push(join(path, sample))
    }
  }
  told.summary(`wrote ${written.map(shown).join(", ")}; next: ${folder === "." ? "" : `cd ${shown(path)} && `}cw plan`)
  return ExitCode.ok
}
