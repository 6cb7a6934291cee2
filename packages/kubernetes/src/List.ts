/**
 * A complete LIST, page by page, or an error: never a part of one. Objects are projected as they arrive, so that whole
 * pages are garbage at once; the next page is fetched while this one is parsed.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { ApiError } from "./ApiError.ts"
import type { Client } from "./Client.ts"

/** An object as the server sends it. In lists apiVersion and kind are missing. */
export interface Raw {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly uid?: string
    readonly resourceVersion?: string
    readonly generation?: number
    readonly creationTimestamp?: string
    readonly deletionTimestamp?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
    readonly finalizers?: ReadonlyArray<string>
    readonly managedFields?: ReadonlyArray<ManagedFields>
  }
  readonly [key: string]: unknown
}

export interface ManagedFields {
  readonly manager?: string
  readonly operation?: string
  readonly apiVersion?: string
  readonly time?: string
  readonly subresource?: string
  readonly fieldsV1?: Readonly<Record<string, unknown>>
}

export interface ListRequest {
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly accept?: string
  /** Objects in a page. */
  readonly limit?: number
  readonly timeout?: number
  readonly budget?: number
  readonly retry?: boolean
  readonly silence?: number
}

export interface Listed<A> {
  readonly resourceVersion: string
  readonly items: ReadonlyArray<A>
}

interface Meta {
  readonly resourceVersion?: string
  readonly continue?: string
}

// Typed lists begin with their metadata, lists of custom resources end with it. Both patterns are anchored at the text's
// end, outside of every object in it.
const first = /^\{"kind":"[^"\\]*","apiVersion":"[^"\\]*","metadata":(\{[^{}]*\})/
const last = /"metadata":(\{[^{}]*\})\}\s*$/

/** The metadata of a list without parsing the list, where that can be had. */
const peek = (text: string): Meta | undefined => {
  const found = first.exec(text.slice(0, 4096)) ?? last.exec(text.slice(-4096))
  try {
    return found === null ? undefined : (JSON.parse(found[1]!) as Meta)
  } catch {
    return undefined
  }
}

const notList = new ApiError({ reason: "NotApi", message: "it answers a list with something that is no list" })

const parse = (
  text: string
): Effect.Effect<{ readonly metadata: Meta; readonly items: ReadonlyArray<Raw> }, ApiError> => {
  try {
    const { metadata, items } = JSON.parse(text) as { metadata?: Meta; items?: ReadonlyArray<Raw> | null }
    // An empty list of Go may be null.
    const objects = items ?? []
    if (typeof metadata?.resourceVersion === "string" && Array.isArray(objects))
      return Effect.succeed({ metadata, items: objects })
  } catch {}
  return Effect.fail(notList)
}

const pages = <A>(
  client: Client,
  request: ListRequest,
  limit: number | undefined,
  project: (object: Raw) => A | undefined
) =>
  Effect.gen(function* () {
    const fetch = (token: string | undefined) =>
      client.text({
        method: "GET",
        path: request.path,
        query: {
          ...request.query,
          ...(limit === undefined ? {} : { limit: String(limit) }),
          ...(token === undefined || token === "" ? {} : { continue: token })
        },
        ...(request.accept === undefined ? {} : { accept: request.accept }),
        ...(request.timeout === undefined ? {} : { timeout: request.timeout }),
        ...(request.budget === undefined ? {} : { budget: request.budget }),
        ...(request.retry === undefined ? {} : { retry: request.retry }),
        ...(request.silence === undefined ? {} : { silence: request.silence })
      })
    const items: Array<A> = []
    let text = yield* fetch(undefined)
    for (;;) {
      const ahead = peek(text)?.continue
      const fetching = ahead ? yield* Effect.forkChild(fetch(ahead), { startImmediately: true }) : undefined
      const page = yield* parse(text)
      for (const object of page.items) {
        const value = project(object)
        if (value !== undefined) items.push(value)
      }
      const token = page.metadata.continue
      if (!token) return { resourceVersion: page.metadata.resourceVersion!, items }
      text = fetching !== undefined && token === ahead ? yield* Fiber.join(fetching) : yield* fetch(token)
    }
  })

/** All objects, projected; what projects to undefined is left out. When a continue token dies the list begins anew, whole. */
export const list = <A>(
  client: Client,
  request: ListRequest,
  project: (object: Raw) => A | undefined
): Effect.Effect<Listed<A>, ApiError> =>
  pages(client, request, request.limit ?? 500, project).pipe(
    Effect.catchTag("ApiError", (error) =>
      error.reason === "Gone" ? pages(client, request, undefined, project) : Effect.fail(error)
    )
  )

/** The resource version the server is at now. */
export const currentVersion = (client: Client, path: string, timeout: number): Effect.Effect<string, ApiError> =>
  Effect.flatMap(client.text({ method: "GET", path, query: { limit: "1" }, timeout, retry: false }), (text) =>
    Effect.map(parse(text), ({ metadata }) => metadata.resourceVersion!)
  )
