/**
 * GitHub's pull requests over its REST API: one for the branch, found by its head, made or brought up to date, closed when
 * there is nothing left to merge. Never merges. Waits where the server says so, within the budget.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { PluginError, retryable } from "@coddiwomple/core/PluginError"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

export interface PullRequestOptions {
  /** Without a slash at the end. */
  readonly api: string
  /** owner/name. */
  readonly repository: string
  readonly token: Redacted.Redacted<string>
  readonly head: string
  readonly base: string
  /** Milliseconds that waiting for the server may take. */
  readonly budget: number
}

export interface Open {
  readonly number: number
  readonly url: string
  readonly title: string
  readonly body: string
}

interface Reply {
  readonly status: number
  readonly body: unknown
}

export class PullRequests {
  private readonly options: PullRequestOptions

  constructor(options: PullRequestOptions) {
    this.options = options
  }

  /** The open pull request of our branch. */
  get find(): Effect.Effect<Open | undefined, PluginError> {
    const { base, head, repository } = this.options
    const query = new URLSearchParams({ state: "open", head: `${repository.split("/")[0]}:${head}`, base })
    return Effect.map(this.call("GET", `/pulls?${query}`), ({ body }) =>
      Array.isArray(body) && body.length > 0 ? open(body[0]) : undefined
    )
  }

  /** Makes it, or brings title and body up to date. */
  ensure(title: string, text: string): Effect.Effect<Open | undefined, PluginError> {
    return Effect.gen({ self: this }, function* () {
      const { base, head } = this.options
      const found = yield* this.find
      if (found === undefined) {
        const { body } = yield* this.call("POST", "/pulls", { title, body: text, head, base })
        return open(body)
      }
      if (found.title === title && found.body === text) return found
      const { body } = yield* this.call("PATCH", `/pulls/${found.number}`, { title, body: text })
      return open(body)
    })
  }

  get close(): Effect.Effect<void, PluginError> {
    return Effect.flatMap(this.find, (found) =>
      found === undefined
        ? Effect.void
        : Effect.asVoid(this.call("PATCH", `/pulls/${found.number}`, { state: "closed" }))
    )
  }

  private call(method: string, path: string, body?: unknown): Effect.Effect<Reply, PluginError> {
    return Effect.gen({ self: this }, function* () {
      const started = yield* Clock.currentTimeMillis
      for (let n = 0; ; n++) {
        const reply = yield* this.once(method, path, body)
        if (reply.status < 300) return reply
        const wait = reply.wait ?? (reply.status >= 500 ? Math.min(1000 * 2 ** n, 15_000) : undefined)
        const elapsed = (yield* Clock.currentTimeMillis) - started
        if (wait === undefined || elapsed + wait > this.options.budget)
          return yield* Effect.fail(refusal(method, path, reply, wait !== undefined))
        yield* Effect.sleep(wait)
      }
    })
  }

  private once(
    method: string,
    path: string,
    body: unknown
  ): Effect.Effect<Reply & { readonly wait: number | undefined }, PluginError> {
    const { api, repository, token } = this.options
    return Effect.tryPromise({
      try: async (signal) => {
        const response = await fetch(`${api}/repos/${repository}${path}`, {
          method,
          // A redirect would carry the token elsewhere.
          redirect: "error",
          signal: AbortSignal.any([signal, AbortSignal.timeout(30_000)]),
          headers: {
            accept: "application/vnd.github+json",
            "x-github-api-version": "2022-11-28",
            "user-agent": "cw",
            authorization: `Bearer ${Redacted.value(token)}`,
            ...(body === undefined ? {} : { "content-type": "application/json" })
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) })
        })
        const text = await response.text()
        return { status: response.status, body: parse(text), wait: waitOf(response) }
      },
      catch: (cause) => {
        const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : String(cause)
        return retryable(
          `the pull request API at ${api} does not answer: ${reason.replaceAll(Redacted.value(token), "***")}`
        )
      }
    })
  }
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Milliseconds, where the server limits the rate: Retry-After, or the reset of a used-up limit. */
const waitOf = ({ headers, status }: Response): number | undefined => {
  if (status !== 429 && status !== 403 && status !== 503) return undefined
  const after = headers.get("retry-after")
  if (after !== null && /^\d+$/.test(after)) return Number(after) * 1000
  const reset = headers.get("x-ratelimit-reset")
  if (headers.get("x-ratelimit-remaining") === "0" && reset !== null)
    return Math.max(0, Number(reset) * 1000 - Date.now()) + 1000
  return status === 429 ? 5000 : undefined
}

const open = (value: unknown): Open | undefined => {
  const { body, html_url: url, number, title } = (value ?? {}) as Record<string, unknown>
  if (typeof number !== "number") return undefined
  return { number, url: String(url ?? ""), title: String(title ?? ""), body: typeof body === "string" ? body : "" }
}

const refusal = (method: string, path: string, { body, status }: Reply, limited: boolean): PluginError => {
  const { errors, message } = (body ?? {}) as { readonly message?: unknown; readonly errors?: unknown }
  const details = Array.isArray(errors)
    ? errors
        .map((e) => (typeof e === "object" && e !== null && "message" in e ? String(e.message) : ""))
        .filter((t) => t !== "")
    : []
  const words = [typeof message === "string" ? message : "", ...details]
    .filter((t) => t !== "")
    .join("; ")
    .slice(0, 500)
  const text = `${method} ${path.split("?")[0]}: ${status}${words === "" ? "" : ` ${words}`}`
  return new PluginError({
    message: text,
    retryable: limited || status >= 500,
    diagnostics: [
      Diagnostic.error("CW806", `the pull request cannot be made: ${text}`, {
        help:
          status === 401 || status === 403 || status === 404
            ? "the token needs the rights contents:write and pull-requests:write"
            : undefined
      })
    ]
  })
}
