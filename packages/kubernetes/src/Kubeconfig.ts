/**
 * From a kubeconfig to one frozen context: server, trust, proxy, and how to authenticate. Files are merged as kubectl
 * merges them (the first that names something wins); the parsing of entries is @kubernetes/client-node's. What is wrong
 * is said with file, line and column, and without the line itself: it may hold a token.
 */
import { stat } from "node:fs/promises"
import { homedir } from "node:os"
import { delimiter, dirname, isAbsolute, join } from "node:path"
import type { KubeConfig } from "@kubernetes/client-node"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { Connection } from "@coddiwomple/core/Fact"
import { type PluginError, refused } from "@coddiwomple/core/PluginError"
import { help } from "@coddiwomple/core/Suggest"
import * as Effect from "effect/Effect"
import type { Document, LineCounter } from "yaml"
import { type Context, contextOf } from "./Context.ts"
import { harmless, yamlProblem } from "./Harmless.ts"
import { readSmallFile } from "./SmallFile.ts"

export type { Auth, Context } from "./Context.ts"

type Environment = Readonly<Record<string, string | undefined>>

/** Where to look. */
export interface Search {
  readonly env: Environment
  /** Root of the file system in which a pod finds its service account. */
  readonly root: string
}

/** One parsed file: its entries as client-node reads them, and its document for what client-node leaves out. */
export interface Parsed {
  readonly file: string
  readonly config: KubeConfig
  readonly raw: Readonly<Record<string, unknown>>
  readonly place: (path: ReadonlyArray<string | number>) => Diagnostic.Place
}

const problem = (code: "CW420" | "CW421" | "CW422", message: string, file: string, helpText?: string) =>
  refused([Diagnostic.error(code, message, { place: { file }, help: helpText })])

const reading = (file: string): Effect.Effect<string, PluginError> =>
  Effect.tryPromise({
    try: async (signal) => new TextDecoder("utf-8", { fatal: true }).decode(await readSmallFile(file, signal)),
    catch: (cause) => {
      const { code, message } = cause as NodeJS.ErrnoException
      const why =
        code === "ENOENT"
          ? "it does not exist"
          : code === "EACCES"
            ? "it is not readable"
            : code === "EISDIR"
              ? "it is a directory"
              : message
      return problem("CW420", `kubeconfig ${file} cannot be read: ${why}`, file)
    }
  })

const placeIn = (file: string, document: Document, lines: LineCounter) => (path: ReadonlyArray<string | number>) => {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true) as { readonly range?: ReadonlyArray<number> } | undefined
    const start = node?.range?.[0]
    if (start !== undefined) {
      const { line, col } = lines.linePos(start)
      return { file, line, col }
    }
  }
  return { file }
}

const parse = (file: string, text: string): Effect.Effect<Parsed, PluginError> =>
  Effect.gen(function* () {
    const [yaml, client] = yield* Effect.promise(() => Promise.all([import("yaml"), import("@kubernetes/client-node")]))
    const lines = new yaml.LineCounter()
    const document = yaml.parseDocument(text, { lineCounter: lines, prettyErrors: false, strict: true })
    if (document.errors.length > 0) {
      // Those after the first one follow from it.
      const first = document.errors[0]!
      const { line, col } = lines.linePos(first.pos[0])
      return yield* refused([
        Diagnostic.error("CW421", `kubeconfig is not valid YAML: ${yamlProblem(first.message)}`, {
          place: { file, line, col }
        })
      ])
    }
    const raw = yield* Effect.try({
      try: () => document.toJS({ maxAliasCount: 100 }) as unknown,
      catch: (cause) =>
        problem("CW421", `kubeconfig is not valid YAML: ${yamlProblem(String((cause as Error).message))}`, file)
    })
    if (typeof raw !== "object" || raw === null || Array.isArray(raw) || !("clusters" in raw || "contexts" in raw)) {
      return yield* problem("CW421", `${file} is not a kubeconfig: it has neither clusters nor contexts`, file)
    }
    const config = new client.KubeConfig()
    yield* Effect.try({
      try: () => {
        config.loadFromString(JSON.stringify(raw), { onInvalidEntry: "filter" })
        config.makePathsAbsolute(dirname(file))
      },
      catch: (cause) => problem("CW421", `kubeconfig is malformed: ${harmless(String((cause as Error).message))}`, file)
    })
    return { file, config, raw: raw as Record<string, unknown>, place: placeIn(file, document, lines) }
  })

/** The files kubectl would read, of those that exist. */
const searched = (env: Environment): Effect.Effect<ReadonlyArray<string>> =>
  Effect.promise(async () => {
    const named = (env.KUBECONFIG ?? "").split(delimiter).filter((f) => f !== "")
    const files = named.length > 0 ? named : [join(env.HOME ?? homedir(), ".kube", "config")]
    const there = await Promise.all(
      files.map((f) =>
        stat(f).then(
          () => true,
          () => false
        )
      )
    )
    return files.filter((_, i) => there[i])
  })

const inCluster = ({ env, root }: Search): Effect.Effect<Parsed | undefined> =>
  Effect.promise(async () => {
    const account = `${root}/var/run/secrets/kubernetes.io/serviceaccount`
    const tokenFile = `${account}/token`
    const [host, port = "443"] = [env.KUBERNETES_SERVICE_HOST, env.KUBERNETES_SERVICE_PORT]
    if (
      host === undefined ||
      !(await stat(tokenFile).then(
        (s) => s.isFile(),
        () => false
      ))
    )
      return undefined
    const { KubeConfig } = await import("@kubernetes/client-node")
    const config = new KubeConfig()
    const server = `https://${host.includes(":") ? `[${host}]` : host}:${port}`
    const cluster = { name: "in-cluster", server, caFile: `${account}/ca.crt`, skipTLSVerify: false }
    config.loadFromClusterAndUser(cluster, {
      name: "in-cluster",
      authProvider: { name: "tokenFile", config: { tokenFile } }
    })
    return { file: "the service account of this pod", config, raw: {}, place: () => ({ file: tokenFile }) }
  })

const nowhere = refused([
  Diagnostic.error("CW420", "no kubeconfig: neither KUBECONFIG nor ~/.kube/config names a file, and this is no pod", {
    help: "set kubeconfig_path, or KUBECONFIG"
  })
])

/** All that `connection` points at; in the order of precedence. */
const load = (connection: Connection, search: Search): Effect.Effect<ReadonlyArray<Parsed>, PluginError> =>
  Effect.gen(function* () {
    const named = connection.kubeconfigPath
    const files =
      named === undefined ? yield* searched(search.env) : [isAbsolute(named) ? named : join(process.cwd(), named)]
    if (files.length > 0)
      return yield* Effect.forEach(files, (file) => Effect.flatMap(reading(file), (text) => parse(file, text)))
    const pod = yield* inCluster(search)
    return pod === undefined ? yield* nowhere : [pod]
  })

const first = <A>(
  all: ReadonlyArray<Parsed>,
  pick: (config: Parsed) => A | null | undefined
): { readonly in: Parsed; readonly found: A } | undefined => {
  for (const parsed of all) {
    const found = pick(parsed)
    if (found !== null && found !== undefined) return { in: parsed, found }
  }
  return undefined
}

const indexOf = (parsed: Parsed, list: "contexts" | "clusters" | "users", name: string): number => {
  const entries = parsed.raw[list]
  return Array.isArray(entries) ? entries.findIndex((e) => (e as { name?: unknown } | null)?.name === name) : -1
}

/** The chosen context with its cluster and user, or all that is wrong with it. */
export const read = (connection: Connection, options: Partial<Search> = {}): Effect.Effect<Context, PluginError> =>
  Effect.gen(function* () {
    const search = { env: options.env ?? process.env, root: options.root ?? "" }
    const all = yield* load(connection, search)
    const where = all.map((p) => p.file).join(", ")
    const current = first(all, (p) => p.config.getCurrentContext() || undefined)?.found
    const wanted = connection.context ?? current
    const names = all.flatMap((p) => p.config.getContexts().map((c) => c.name))
    if (wanted === undefined) {
      return yield* problem(
        "CW422",
        `${where} has no current-context`,
        all[0]!.file,
        help("", names) ?? "set kubeconfig_context"
      )
    }
    const context = first(all, (p) => p.config.getContextObject(wanted))
    if (context === undefined) {
      const known = help(wanted, names) ?? "the file has no contexts"
      return yield* problem("CW422", `${where} has no context ${JSON.stringify(wanted)}`, all[0]!.file, known)
    }
    const { cluster: clusterName, user: userName } = context.found
    const cluster = first(all, (p) => p.config.getCluster(clusterName))
    const user = userName === undefined ? undefined : first(all, (p) => p.config.getUser(userName))
    const at = context.in.place(["contexts", indexOf(context.in, "contexts", wanted), "context"])
    const missing: Array<Diagnostic.Diagnostic> = []
    const lacking = (what: "cluster" | "user", name: string, known: ReadonlyArray<string>) =>
      missing.push(
        Diagnostic.error(
          "CW421",
          `context ${JSON.stringify(wanted)} names ${what} ${JSON.stringify(name)}, which is not there or not complete`,
          {
            place: at,
            help: help(name, known)
          }
        )
      )
    if (cluster === undefined)
      lacking(
        "cluster",
        clusterName,
        all.flatMap((p) => p.config.getClusters().map((c) => c.name))
      )
    if (user === undefined && userName !== undefined)
      lacking(
        "user",
        userName,
        all.flatMap((p) => p.config.getUsers().map((u) => u.name))
      )
    if (cluster === undefined || missing.length > 0) return yield* refused(missing)
    return yield* contextOf({
      name: wanted,
      file: cluster.in.file,
      cluster: cluster.found,
      clusterPlace: cluster.in.place(["clusters", indexOf(cluster.in, "clusters", clusterName), "cluster"]),
      rawCluster: entry(cluster.in, "clusters", clusterName, "cluster"),
      user: user?.found,
      userFile: user?.in.file ?? cluster.in.file,
      userPlace: user?.in.place(["users", indexOf(user.in, "users", userName!), "user"]) ?? at,
      rawUser: user === undefined ? {} : entry(user.in, "users", userName!, "user"),
      env: search.env
    })
  })

const entry = (
  parsed: Parsed,
  list: "clusters" | "users",
  name: string,
  inner: string
): Readonly<Record<string, unknown>> => {
  const found = (parsed.raw[list] as ReadonlyArray<Record<string, unknown>> | undefined)?.[
    indexOf(parsed, list, name)
  ]?.[inner]
  return typeof found === "object" && found !== null ? (found as Record<string, unknown>) : {}
}
