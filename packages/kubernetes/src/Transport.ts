/**
 * The connections to one server: one Agent for requests and one for watches, so that a long watch never stands in the
 * way. Another client certificate means other Agents; the old ones finish what they carry.
 * HTTP/1.1 on purpose: no slower against one server, and a lost connection ends one request instead of all.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Socket } from "node:net"
import type { Agent, buildConnector, Dispatcher, Pool, ProxyAgent, Socks5ProxyAgent } from "undici"
import type { Context } from "./Context.ts"
import type { Credential } from "./Credentials.ts"

export type Purpose = "request" | "watch"

export interface Transport {
  readonly dispatcher: (purpose: Purpose, credential: Credential) => Dispatcher
}

interface Pair {
  /** Sockets that are not connected yet: nothing else ends them before their time limit. */
  readonly opening: Set<Socket>
  readonly cert: Buffer | undefined
  readonly agents: Readonly<Record<Purpose, Dispatcher>>
}

type Undici = {
  readonly Agent: typeof Agent
  readonly ProxyAgent: typeof ProxyAgent
  readonly Socks5ProxyAgent: typeof Socks5ProxyAgent
  readonly buildConnector: typeof buildConnector
}

const noted =
  (connector: buildConnector.connector, opening: Set<Socket>, connected: () => void): buildConnector.connector =>
  (options, callback) => {
    let socket: Socket | undefined
    const done: buildConnector.Callback = (...args) => {
      if (socket !== undefined) opening.delete(socket)
      if (args[0] === null) connected()
      callback(...args)
    }
    socket = connector(options, done) as unknown as Socket
    opening.add(socket)
  }

const agent = (
  undici: Undici,
  context: Context,
  credential: Credential,
  connections: number,
  connectTimeout: number,
  opening: Set<Socket>,
  connected: () => void
): Dispatcher => {
  const tls = {
    rejectUnauthorized: !context.insecure,
    ...(context.ca === undefined ? {} : { ca: context.ca }),
    ...(context.serverName === undefined ? {} : { servername: context.serverName }),
    ...(credential.cert === undefined ? {} : { cert: credential.cert, key: credential.key! })
  }
  const options: Pool.Options = {
    connections,
    pipelining: 1,
    allowH2: false,
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: 20_000,
    keepAliveMaxTimeout: 60_000
  }
  const connect = { timeout: connectTimeout, keepAlive: true, keepAliveInitialDelay: 30_000 }
  if (context.proxy === undefined) {
    return new undici.Agent({
      ...options,
      connect: noted(undici.buildConnector({ allowH2: false, ...connect, ...tls }), opening, connected)
    })
  }
  // What a proxy connects to cannot be seen.
  connected()
  const url = new URL(context.proxy)
  if (url.protocol.startsWith("socks")) {
    return new undici.Socks5ProxyAgent(context.proxy.replace(/^socks5h:/, "socks5:"), {
      ...options,
      requestTls: { ...connect, ...tls }
    } as Socks5ProxyAgent.Options)
  }
  const login =
    url.username === ""
      ? undefined
      : `Basic ${Buffer.from(`${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`).toString("base64")}`
  url.username = ""
  url.password = ""
  return new undici.ProxyAgent({
    ...options,
    uri: url.href,
    requestTls: { ...connect, ...tls },
    ...(login === undefined ? {} : { token: login })
  })
}

/** undici is CommonJS: Node gives its members by name, a bundler only on `default`. */
const loadUndici = async (): Promise<Undici> => {
  const loaded = (await import("undici")) as unknown as Undici & { readonly default?: Undici }
  return loaded.default ?? loaded
}

const close = (pair: Pair, force: boolean): Promise<unknown> => {
  if (force) for (const socket of pair.opening) socket.destroy()
  return Promise.allSettled(Object.values(pair.agents).map((a) => (force ? a.destroy() : a.close())))
}

export const make = (
  context: Context,
  options: { readonly connections: number; readonly connectTimeout: number; readonly connected: () => void }
): Effect.Effect<Transport, never, Scope.Scope> =>
  Effect.gen(function* () {
    const undici = yield* Effect.promise(loadUndici)
    let current: Pair | undefined
    const retired = new Set<Pair>()
    yield* Effect.addFinalizer(() =>
      Effect.promise(() =>
        Promise.all([...retired, ...(current === undefined ? [] : [current])].map((p) => close(p, true)))
      )
    )
    return {
      dispatcher: (purpose, credential) => {
        if (current === undefined || current.cert !== credential.cert) {
          const old = current
          const opening = new Set<Socket>()
          const made = (connections: number) =>
            agent(undici, context, credential, connections, options.connectTimeout, opening, options.connected)
          current = { opening, cert: credential.cert, agents: { request: made(options.connections), watch: made(64) } }
          if (old !== undefined) {
            retired.add(old)
            void close(old, false).then(() => retired.delete(old))
          }
        }
        return current.agents[purpose]
      }
    }
  })
