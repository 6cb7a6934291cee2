/**
 * The line to the server: the launch token is exchanged once, the bearer stays under this origin, one WebSocket carries
 * everything. A lost line is tried again with growing pauses; a refused bearer is final and never tried again.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Cause from "effect/Cause"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Headers from "effect/http/Headers"
import * as RpcClient from "effect/rpc/RpcClient"
import * as RpcMiddleware from "effect/rpc/RpcMiddleware"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as Schedule from "effect/Schedule"
import * as Socket from "effect/socket/Socket"
import { Auth, Reading, Writing } from "../Contract.ts"
import { store } from "./store.ts"

export type Line =
  | { readonly state: "connecting" }
  | { readonly state: "live" }
  | { readonly state: "reconnecting"; readonly since: number }
  /** No bearer at all. */
  | { readonly state: "locked"; readonly why?: string }
  /** A bearer of a process that has ended. */
  | { readonly state: "restarted"; readonly since: number }

export const line = store<Line>({ state: "connecting" })

const key = "cw.bearer"
let bearer = ""

const remembered = (): string => {
  try {
    return localStorage.getItem(key) ?? ""
  } catch {
    return ""
  }
}

const remember = (value: string): void => {
  bearer = value
  try {
    if (value === "") localStorage.removeItem(key)
    else localStorage.setItem(key, value)
  } catch {
    // Without storage the page works until it is reloaded.
  }
}

/** Takes a launch token from a link or its fragment. */
export const launch = async (text: string): Promise<string | undefined> => {
  const token = /launch=([\w-]+)/.exec(text)?.[1] ?? text.trim()
  try {
    const response = await fetch("/auth/exchange", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ launch: token })
    })
    const answer = (await response.json()) as { readonly bearer?: string; readonly error?: string }
    if (answer.bearer === undefined) return answer.error ?? "this link does not open anything"
    remember(answer.bearer)
    return undefined
  } catch {
    return "cw does not answer"
  }
}

const group = Reading.merge(Writing)
export type Client = RpcClient.FromGroup<typeof group, unknown>

const connect = () => {
  const auth = RpcMiddleware.layerClient(Auth, ({ next, request }) =>
    next({ ...request, headers: Headers.set(request.headers, "authorization", `Bearer ${bearer}`) })
  )
  const hooks = Layer.succeed(RpcClient.ConnectionHooks, {
    onConnect: Effect.sync(() => {
      const now = line.get().state
      if (now !== "restarted" && now !== "locked") line.set({ state: "live" })
    }),
    onDisconnect: Effect.sync(lost)
  })
  const protocol = RpcClient.layerProtocolSocket({
    retryTransientErrors: true,
    pingInterval: "3 seconds",
    pingTimeout: "8 seconds",
    retryPolicy: Schedule.min([Schedule.exponential("300 millis", 1.6), Schedule.spaced("5 seconds")]).pipe(
      Schedule.jittered
    )
  } as never).pipe(
    Layer.provide([
      RpcSerialization.layerNdjson,
      hooks,
      Socket.layerWebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/rpc`).pipe(
        Layer.provide(Socket.layerWebSocketConstructorGlobal)
      )
    ])
  )
  // Built into the page's own scope: the line stays open as long as the page.
  return Effect.flatMap(Layer.build(Layer.merge(auth, protocol)), (context) =>
    Effect.provideContext(RpcClient.make(group), context)
  ) as unknown as Effect.Effect<Client, never, Scope.Scope>
}

const lost = (): void => {
  const { state } = line.get()
  if (state !== "locked" && state !== "restarted" && state !== "reconnecting")
    line.set({ state: "reconnecting", since: Date.now() })
}

let client: Promise<Client> | undefined
const scope = Scope.makeUnsafe()

/** Opens the line; false where somebody must paste a link first. */
export const open = async (): Promise<boolean> => {
  const { hash } = location
  if (hash.includes("launch=")) {
    history.replaceState(null, "", location.pathname + location.search)
    const problem = await launch(hash)
    if (problem !== undefined) {
      bearer = remembered()
      if (bearer === "") {
        line.set({ state: "locked", why: problem })
        return false
      }
    }
  } else bearer = remembered()
  if (bearer === "") {
    line.set({ state: "locked" })
    return false
  }
  line.set({ state: "connecting" })
  client ??= Effect.runPromise(connect().pipe(Effect.provideService(Scope.Scope, scope)))
  await client
  return true
}

const unauthorized = (cause: Cause.Cause<unknown>): boolean => {
  const error = Cause.squash(cause) as { readonly _tag?: string }
  return error?._tag === "Unauthorized"
}

const ended = (): void => {
  remember("")
  line.set({ state: "restarted", since: Date.now() })
}

export interface Failed {
  readonly message: string
}

/** One call. Rejects with words for a person. */
export const call = async <A>(f: (client: Client) => Effect.Effect<A, unknown>): Promise<A> => {
  const exit = await Effect.runPromiseExit(f(await client!))
  if (Exit.isSuccess(exit)) return exit.value
  if (unauthorized(exit.cause)) ended()
  throw new Error(words(Cause.squash(exit.cause)))
}

const words = (error: unknown): string => {
  const e = error as {
    readonly _tag?: string
    readonly what?: string
    readonly why?: string
    readonly message?: string
  }
  if (e._tag === "Missing") return `There is no ${e.what}.`
  if (e._tag === "Refused") return e.why ?? "It was refused."
  if (e._tag === "Unauthorized") return "cw was restarted."
  return "cw did not answer."
}

/** Takes from a stream for ever: after a lost line again, after a refused bearer never. The result ends it. */
export const follow = <A>(
  f: (client: Client) => Stream.Stream<A, unknown>,
  take: (value: A) => void,
  failed?: (message: string) => void
): (() => void) => {
  let stopped = false
  let pause = 300
  let stop = (): void => {
    stopped = true
  }
  const once = async (): Promise<void> => {
    const c = await client!
    const fiber = Effect.runFork(
      Stream.runForEach(f(c), (value) =>
        Effect.sync(() => {
          pause = 300
          if (line.get().state !== "live") line.set({ state: "live" })
          take(value)
        })
      )
    )
    stop = () => {
      stopped = true
      fiber.interruptUnsafe()
    }
    const exit = await new Promise<Exit.Exit<void, unknown>>((resolve) => fiber.addObserver(resolve))
    if (stopped) return
    if (Exit.isFailure(exit)) {
      if (unauthorized(exit.cause)) return ended()
      const error = Cause.squash(exit.cause) as { readonly _tag?: string }
      if (error?._tag === "Missing" || error?._tag === "Refused") return failed?.(words(error))
      lost()
    }
    await new Promise((resolve) => setTimeout(resolve, pause * (0.8 + Math.random() * 0.4)))
    pause = Math.min(5000, pause * 1.6)
    if (!stopped) void once()
  }
  void once()
  return () => stop()
}
