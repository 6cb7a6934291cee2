/**
 * The credential of one context: fetched once however many ask, renewed before it expires, and once more when a server
 * refuses it. A credential that cannot be renewed stays in force until it really ends.
 */
import type { User } from "@kubernetes/client-node"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import { ApiError } from "./ApiError.ts"
import type { Auth, Context } from "./Context.ts"
import * as Exec from "./Exec.ts"
import { codeOf, readSmallFile } from "./SmallFile.ts"

export interface Credential {
  readonly headers: Readonly<Record<string, string | Array<string>>>
  readonly cert?: Buffer
  readonly key?: Buffer
}

export interface Credentials {
  readonly get: Effect.Effect<Credential, ApiError>
  /** After a 401 for `used`: true when there is now another one to try. */
  readonly renew: (used: Credential) => Effect.Effect<boolean, ApiError>
}

interface Fetched {
  readonly authorization?: string
  readonly cert?: Buffer
  readonly key?: Buffer
  readonly expires?: number
}

interface Current {
  readonly credential: Credential
  readonly fetched: Fetched
  /** When to look for a new one, and when this one really ends. */
  readonly renewAt: number
  readonly ends: number
}

const basic = (username: string, password: string) =>
  `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`

const fileAge = 60_000

const fromFile = (path: string): Effect.Effect<Fetched, ApiError> =>
  Effect.tryPromise({
    try: async (signal) => (await readSmallFile(path, signal)).toString("utf8"),
    catch: (cause) =>
      new ApiError({
        reason: "Credentials",
        message: `token file ${path} cannot be read (${codeOf(cause)})`
      })
  }).pipe(
    Effect.flatMap((text) =>
      text.trim() === ""
        ? Effect.fail(new ApiError({ reason: "Credentials", message: `token file ${path} is empty` }))
        : Effect.succeed({ authorization: `Bearer ${text.trim()}` })
    )
  )

/** client-node speaks to the issuer; caching and expiry are ours, since its own are wrong after the first refresh. */
const fromOidc = (user: User, force: boolean): Effect.Effect<Fetched, ApiError> =>
  Effect.tryPromise({
    try: async () => {
      const { OpenIDConnectAuth } = await import("@kubernetes/client-node/dist/oidc_auth.js")
      const auth = new OpenIDConnectAuth()
      const before = (user.authProvider as { config?: Record<string, string> }).config?.["id-token"]
      const until = (before === undefined ? 0 : OpenIDConnectAuth.expirationFromToken(before)) * 1000
      // Anything but 0 means "known": 1 is long past, so it refreshes.
      if (force || until - 10_000 < Date.now())
        (auth as unknown as { currentTokenExpiration: number }).currentTokenExpiration = 1
      const opts: { headers: Record<string, string> } = { headers: {} }
      await auth.applyAuthentication(user, opts)
      const authorization = opts.headers.Authorization
      if (authorization === undefined) throw new Error("no id-token, or what is needed to refresh it is missing")
      const expires = OpenIDConnectAuth.expirationFromToken(authorization.slice("Bearer ".length)) * 1000
      return { authorization, ...(expires > 0 ? { expires } : {}) }
    },
    catch: (cause) => {
      const code = (cause as { code?: unknown }).code
      const why =
        typeof code === "string"
          ? code
          : (cause as Error).name === "Error"
            ? (cause as Error).message
            : "the issuer refused"
      return new ApiError({ reason: "Credentials", message: `OpenID Connect token cannot be refreshed: ${why}` })
    }
  })

const fetch = (auth: Auth, force: boolean, limit: number): Effect.Effect<Fetched, ApiError> => {
  switch (auth._tag) {
    case "none":
      return Effect.succeed({})
    case "token":
      return Effect.succeed({ authorization: `Bearer ${auth.token.trim()}` })
    case "basic":
      return Effect.succeed({ authorization: basic(auth.username, auth.password) })
    case "tokenFile":
      return fromFile(auth.path)
    case "exec":
      return Effect.map(Exec.run(auth.exec, auth.directory, auth.cluster, limit), ({ token, ...rest }) => ({
        ...rest,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` })
      }))
    case "oidc":
      return Effect.timeoutOrElse(fromOidc(auth.user, force), {
        duration: limit,
        orElse: () =>
          Effect.fail(
            new ApiError({
              reason: "Credentials",
              message: `OpenID Connect token cannot be refreshed: the issuer did not answer within ${Math.round(limit / 1000)} s`
            })
          )
      })
  }
}

const same = (a: Fetched, b: Fetched): boolean =>
  a.authorization === b.authorization &&
  (a.cert === b.cert || (a.cert !== undefined && b.cert !== undefined && a.cert.equals(b.cert)))

/** Renewal 60 s before the end; of short-lived ones at three quarters of their life. */
const skew = 60_000

const schedule = (fetched: Fetched, now: number, auth: Auth): { readonly renewAt: number; readonly ends: number } => {
  if (auth._tag === "tokenFile") return { renewAt: now + fileAge, ends: Number.POSITIVE_INFINITY }
  const expires = fetched.expires
  // Ended before it came: the clocks disagree, so only the server can tell.
  if (expires === undefined || expires <= now)
    return { renewAt: Number.POSITIVE_INFINITY, ends: Number.POSITIVE_INFINITY }
  return { renewAt: expires - Math.min(skew, (expires - now) / 4), ends: expires }
}

export interface Options {
  /** Reads the kubeconfig again: someone may have signed in since. */
  readonly reload?: Effect.Effect<Context, unknown>
  /** Time limit of an exec plugin, and of a token's issuer, in milliseconds. */
  readonly execLimit?: number
  /** Least time between two renewals asked for by 401s. */
  readonly calm?: number
}

export const make = (context: Context, options: Options = {}): Effect.Effect<Credentials> =>
  Effect.gen(function* () {
    const mutex = yield* Semaphore.make(1)
    const limit = options.execLimit ?? 60_000
    let auth = context.auth
    let pair: { readonly cert?: Buffer; readonly key?: Buffer } = context
    let impersonate = context.impersonate
    let current: Current | undefined
    let renewed = Number.NEGATIVE_INFINITY

    const accept = (fetched: Fetched, now: number): Credential => {
      const [cert, key] = [fetched.cert ?? pair.cert, fetched.key ?? pair.key]
      const credential: Credential = {
        headers: {
          ...impersonate,
          ...(fetched.authorization === undefined ? {} : { authorization: fetched.authorization })
        },
        ...(cert === undefined || key === undefined ? {} : { cert, key })
      }
      current = { credential, fetched, ...schedule(fetched, now, auth) }
      return credential
    }

    const get = Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      if (current !== undefined && now < current.renewAt) return current.credential
      const fetched = yield* Effect.result(fetch(auth, false, limit))
      if (fetched._tag === "Success") return accept(fetched.success, yield* Clock.currentTimeMillis)
      if (current !== undefined && now < current.ends) {
        current = { ...current, renewAt: now + 5000 }
        return current.credential
      }
      return yield* fetched.failure
    })

    /** The same server under the same context, perhaps with another user: only that is taken over. */
    const reload = Effect.gen(function* () {
      if (options.reload === undefined) return
      const again = yield* Effect.result(options.reload)
      if (again._tag === "Failure" || again.success.server !== context.server) return
      auth = again.success.auth
      pair = again.success
      impersonate = again.success.impersonate
    })

    const renew = (used: Credential) =>
      Effect.gen(function* () {
        if (current !== undefined && current.credential !== used) return true
        const now = yield* Clock.currentTimeMillis
        // One that was good and has ended is renewed at any time; one that is refused for other reasons now and then.
        if (now < (current?.ends ?? Number.POSITIVE_INFINITY) && now - renewed < (options.calm ?? 5000)) return false
        renewed = now
        const before = current
        yield* reload
        const fetched = yield* fetch(auth, true, limit)
        const next = accept(fetched, yield* Clock.currentTimeMillis)
        return before === undefined || !same(before.fetched, fetched) || before.credential.cert !== next.cert
      })

    return {
      get: Effect.suspend(() =>
        // The common case without the mutex: a live credential.
        current !== undefined && Date.now() < current.renewAt
          ? Effect.succeed(current.credential)
          : mutex.withPermit(get)
      ),
      renew: (used) => mutex.withPermit(renew(used))
    }
  })
