/**
 * One frozen context of a kubeconfig: everything a client needs, nothing of any other context. Certificates are read and
 * checked here, before the first request: expired, of another key, or no certificate at all.
 */
import { dirname, isAbsolute, join } from "node:path"
import type { Cluster, User } from "@kubernetes/client-node"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { type PluginError, refused } from "@coddiwomple/core/PluginError"
import * as Effect from "effect/Effect"
import { checkPair, isPem } from "./Certificates.ts"
import { proxyFor } from "./Proxy.ts"
import { codeOf, readSmallFile } from "./SmallFile.ts"

type Raw = Readonly<Record<string, unknown>>

/** How to authenticate, besides a client certificate. */
export type Auth =
  | { readonly _tag: "none" }
  | { readonly _tag: "token"; readonly token: string }
  | { readonly _tag: "tokenFile"; readonly path: string }
  | { readonly _tag: "basic"; readonly username: string; readonly password: string }
  | { readonly _tag: "exec"; readonly exec: Raw; readonly directory: string; readonly cluster: Raw }
  | { readonly _tag: "oidc"; readonly user: User }

export interface Context {
  readonly name: string
  /** The kubeconfig, for a person. */
  readonly file: string
  /** Base URL without a trailing slash. */
  readonly server: string
  readonly ca?: Buffer
  readonly serverName?: string
  readonly insecure: boolean
  /** Proxy URL; may hold a password, so it is never shown. */
  readonly proxy?: string
  readonly cert?: Buffer
  readonly key?: Buffer
  readonly auth: Auth
  /** Impersonation headers. */
  readonly impersonate: Readonly<Record<string, string | Array<string>>>
  /** Large answers may come compressed. */
  readonly compress: boolean
}

export interface Parts {
  readonly name: string
  readonly file: string
  readonly cluster: Cluster
  readonly clusterPlace: Diagnostic.Place
  readonly rawCluster: Raw
  readonly user: User | undefined
  readonly userFile: string
  readonly userPlace: Diagnostic.Place
  readonly rawUser: Raw
  readonly env: Readonly<Record<string, string | undefined>>
}

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined)

const texts = (value: unknown): Array<string> =>
  Array.isArray(value) ? value.filter((v): v is string => typeof v === "string") : []

/** Impersonation as client-go sends it; client-node knows only the user. */
const impersonation = (user: Raw): Record<string, string | Array<string>> => {
  const headers: Record<string, string | Array<string>> = {}
  const name = text(user.as)
  const uid = text(user["as-uid"])
  const groups = texts(user["as-groups"])
  if (name !== undefined) headers["impersonate-user"] = name
  if (uid !== undefined) headers["impersonate-uid"] = uid
  if (groups.length > 0) headers["impersonate-group"] = groups
  const extra = user["as-user-extra"]
  if (typeof extra === "object" && extra !== null) {
    for (const [key, values] of Object.entries(extra)) {
      headers[`impersonate-extra-${encodeURIComponent(key.toLowerCase())}`] =
        typeof values === "string" ? [values] : texts(values)
    }
  }
  return headers
}

const authOf = (parts: Parts): Auth | { readonly problem: string; readonly help?: string } => {
  const { user, rawUser } = parts
  if (user === undefined) return { _tag: "none" }
  const directory = dirname(parts.userFile)
  const near = (path: string) => (isAbsolute(path) ? path : join(directory, path))
  const tokenFile =
    text(rawUser.tokenFile) ?? text((user.authProvider as { config?: Raw } | null | undefined)?.config?.tokenFile)
  if (tokenFile !== undefined) return { _tag: "tokenFile", path: near(tokenFile) }
  if (text(user.token) !== undefined) return { _tag: "token", token: user.token! }
  if (typeof user.exec === "object" && user.exec !== null) {
    if (text(user.exec.command) === undefined) return { problem: "its exec plugin has no command" }
    if (user.exec.interactiveMode === "Always")
      return { problem: "its exec plugin wants a terminal (interactiveMode: Always)" }
    return { _tag: "exec", exec: user.exec as Raw, directory, cluster: parts.rawCluster }
  }
  if (typeof user.authProvider === "object" && user.authProvider !== null) {
    const provider = text((user.authProvider as Raw).name) ?? "without a name"
    if (provider === "oidc") return { _tag: "oidc", user }
    return { problem: `auth-provider ${provider} is no longer supported`, help: "use the exec plugin of the provider" }
  }
  if (text(user.username) !== undefined)
    return { _tag: "basic", username: user.username!, password: user.password ?? "" }
  return { _tag: "none" }
}

/** Inline data wins over a file, as in client-go. */
const material = (
  what: string,
  data: unknown,
  file: string | undefined,
  place: Diagnostic.Place,
  problems: Array<Diagnostic.Diagnostic>
) =>
  Effect.gen(function* () {
    let found: Buffer | undefined
    if (text(data) !== undefined) found = Buffer.from(data as string, "base64")
    else if (text(file) !== undefined) {
      const read = yield* Effect.promise((signal) => readSmallFile(file!, signal).catch((e: Error) => e))
      if (read instanceof Error)
        problems.push(Diagnostic.error("CW421", `${what} ${file} cannot be read (${codeOf(read)})`, { place }))
      else found = read
    }
    if (found !== undefined && !isPem(found)) {
      problems.push(
        Diagnostic.error("CW421", `${what} is no PEM`, { place, help: "data must be base64 of a PEM text" })
      )
      return undefined
    }
    return found
  })

const serverOf = (server: unknown): URL | undefined => {
  const url = typeof server === "string" && URL.canParse(server) ? new URL(server) : undefined
  return url?.protocol === "https:" || url?.protocol === "http:" ? url : undefined
}

/** Checks and freezes; all that is wrong comes at once. */
export const contextOf = (parts: Parts): Effect.Effect<Context, PluginError> =>
  Effect.gen(function* () {
    const { cluster, user, rawUser } = parts
    const problems: Array<Diagnostic.Diagnostic> = []
    const url = serverOf(cluster.server)
    if (url === undefined) {
      problems.push(
        Diagnostic.error("CW421", `server of context ${JSON.stringify(parts.name)} is no http or https URL`, {
          place: parts.clusterPlace
        })
      )
    }
    const ca = yield* material("certificate-authority", cluster.caData, cluster.caFile, parts.clusterPlace, problems)
    const cert = yield* material("client-certificate", user?.certData, user?.certFile, parts.userPlace, problems)
    const key = yield* material("client-key", user?.keyData, user?.keyFile, parts.userPlace, problems)
    if (problems.length === 0)
      problems.push(...checkPair(cert, key, parts.userPlace, `user of context ${JSON.stringify(parts.name)}`))
    const auth = authOf(parts)
    if (!("_tag" in auth)) {
      problems.push(
        Diagnostic.error("CW423", `user of context ${JSON.stringify(parts.name)} cannot be used: ${auth.problem}`, {
          place: parts.userPlace,
          help: auth.help
        })
      )
    }
    const proxy = url === undefined ? undefined : proxyFor(url, text(cluster.proxyUrl), parts.env)
    if (proxy !== undefined && !/^(https?|socks5h?):$/.test(URL.canParse(proxy) ? new URL(proxy).protocol : "")) {
      problems.push(
        Diagnostic.error("CW421", "proxy-url is no http, https or socks5 URL", { place: parts.clusterPlace })
      )
    }
    if (problems.length > 0 || url === undefined || !("_tag" in auth)) return yield* refused(problems)
    const loopback = /^(localhost|127\.|\[::1\])/.test(url.hostname)
    return Object.freeze({
      name: parts.name,
      file: parts.file,
      server: url.href.replace(/\/+$/, ""),
      insecure: cluster.skipTLSVerify === true,
      auth,
      impersonate: impersonation(rawUser),
      compress: !loopback && parts.rawCluster["disable-compression"] !== true,
      ...(ca === undefined ? {} : { ca }),
      ...(text(cluster.tlsServerName) === undefined ? {} : { serverName: cluster.tlsServerName! }),
      ...(proxy === undefined ? {} : { proxy }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key })
    })
  })
