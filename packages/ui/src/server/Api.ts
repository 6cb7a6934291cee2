/** The same data for curl: plain GETs with the same bearer, described by /api/v1/openapi.json. Nothing here writes. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Contract from "../Contract.ts"
import type { Tokens } from "./Tokens.ts"
import type { View } from "./View.ts"

interface Options {
  readonly view: View
  readonly tokens: Tokens
}

const prefix = "/api/v1"
const largest = 1024

const problem = (status: number, why: string) => HttpServerResponse.jsonUnsafe({ error: why }, { status })

interface Operation {
  readonly path: string
  readonly summary: string
  readonly result?: Schema.Top
  readonly parameters?: ReadonlyArray<string>
  readonly answer: (
    view: View,
    parameters: Readonly<Record<string, string | undefined>>
  ) => Effect.Effect<HttpServerResponse.HttpServerResponse, Contract.Missing>
}

const json = <A>(effect: Effect.Effect<A, Contract.Missing>) =>
  Effect.map(effect, (value) => HttpServerResponse.jsonUnsafe(value))

const operations: ReadonlyArray<Operation> = [
  {
    path: "/status",
    summary: "State of the pipeline and its nodes",
    result: Contract.Status,
    answer: (view) => json(view.status)
  },
  {
    path: "/clusters",
    summary: "All clusters",
    result: Schema.Array(Contract.Cluster),
    answer: (view) => json(Effect.sync(view.clusters))
  },
  {
    path: "/services",
    summary:
      "All services; `c` holds one letter per cluster: ! error, - to delete, + to create, ~ live differs, h held, ? unknown, = in sync, r runs here, . not here",
    result: Schema.Array(Contract.Row),
    answer: (view) => json(Effect.sync(view.rows))
  },
  {
    path: "/services/:id",
    summary: "One service with everything generated for it",
    result: Contract.ServiceDetail,
    parameters: ["id"],
    answer: (view, { id }) => json(view.service(id ?? ""))
  },
  {
    path: "/services/:id/yaml",
    summary: "What is generated for one service, as YAML; `?cluster=` for one cluster",
    parameters: ["id"],
    answer: (view, { cluster, id }) =>
      Effect.map(view.service(id ?? ""), (service) =>
        HttpServerResponse.text(
          service.resources
            .filter((r) => cluster === undefined || r.clusters.includes(cluster))
            .map((r) => r.text)
            .join("---\n"),
          { contentType: "application/yaml" }
        )
      )
  },
  {
    path: "/plan",
    summary: "A plan of all sinks, made now",
    result: Contract.PlanDoc,
    answer: (view) => json(view.makePlan([]))
  },
  {
    path: "/plans/:id",
    summary: "A plan made before",
    result: Contract.PlanDoc,
    parameters: ["id"],
    answer: (view, { id }) => json(view.getPlan(id ?? ""))
  },
  { path: "/bundle", summary: "Everything in one file, for `cw ui --from`", answer: (view) => json(view.bundle) },
  {
    path: "/events",
    summary: "What happens, one JSON object per line, until the connection ends",
    answer: (view) =>
      Effect.succeed(
        HttpServerResponse.stream(
          view
            .events(0)
            .pipe(
              Stream.map((lines) => new TextEncoder().encode(lines.map((line) => `${JSON.stringify(line)}\n`).join("")))
            ),
          { contentType: "application/jsonl" }
        )
      )
  },
  {
    path: "/tap/:node",
    summary: "What passes one node, one JSON object per line, until the connection ends",
    parameters: ["node"],
    answer: (view, { node }) =>
      Effect.succeed(
        HttpServerResponse.stream(
          view.tap(node ?? "").pipe(
            Stream.catch((missing) => Stream.make([{ error: missing.what }])),
            Stream.map((lines) =>
              new TextEncoder().encode(
                (lines as ReadonlyArray<unknown>).map((line) => `${JSON.stringify(line)}\n`).join("")
              )
            )
          ),
          { contentType: "application/jsonl" }
        )
      )
  }
]

/** OpenAPI 3.1 of the operations above. */
export const openapi = (): unknown => ({
  openapi: "3.1.0",
  info: {
    title: "cw ui",
    version: "v1",
    description:
      "Read-only view of a running pipeline. The bearer is printed nowhere; `cw status` and `cw tap` know where it is."
  },
  servers: [{ url: prefix }],
  security: [{ bearer: [] }],
  components: { securitySchemes: { bearer: { type: "http", scheme: "bearer" } } },
  paths: Object.fromEntries(
    operations.map(({ parameters, path, result, summary }) => [
      path.replace(/:(\w+)/g, "{$1}"),
      {
        get: {
          summary,
          ...(parameters === undefined
            ? {}
            : {
                parameters: parameters.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } }))
              }),
          responses: {
            "200": {
              description: "OK",
              ...(result === undefined ? {} : { content: { "application/json": { schema: schemaOf(result) } } })
            },
            "401": { description: "No bearer, or that of another process" },
            ...(parameters === undefined ? {} : { "404": { description: "There is no such thing" } })
          }
        }
      }
    ])
  )
})

const schemaOf = (schema: Schema.Top): unknown => {
  const { definitions, schema: root } = Schema.toJsonSchemaDocument(schema) as {
    readonly definitions?: Record<string, unknown>
    readonly schema: object
  }
  return definitions === undefined || Object.keys(definitions).length === 0 ? root : { ...root, $defs: definitions }
}

const exchange = ({ tokens }: Options) =>
  Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    if (!/^application\/json\b/.test(request.headers["content-type"] ?? "")) return problem(415, "JSON is expected")
    if (Number(request.headers["content-length"] ?? largest + 1) > largest) return problem(413, "too large")
    const body = yield* Effect.orElseSucceed(request.json, () => undefined)
    const token =
      typeof body === "object" && body !== null && "launch" in body && typeof body.launch === "string"
        ? body.launch
        : ""
    const bearer = tokens.exchange(token)
    return bearer === undefined
      ? problem(401, "this link has been used, is too old, or belongs to another run of cw")
      : HttpServerResponse.jsonUnsafe({ bearer }, { headers: { "cache-control": "no-store" } })
  })

/** Another launch token, for who holds the bearer: `cw ui --url`. */
const launch = ({ tokens }: Options) =>
  Effect.map(HttpServerRequest.HttpServerRequest, (request) =>
    tokens.admits(request.headers.authorization)
      ? HttpServerResponse.jsonUnsafe({ launch: tokens.launch(60_000) }, { headers: { "cache-control": "no-store" } })
      : problem(401, "a bearer is needed")
  )

export const layer = (options: Options) =>
  HttpRouter.use((router) =>
    Effect.gen(function* () {
      yield* router.add("POST", "/auth/exchange", exchange(options))
      yield* router.add("POST", "/auth/launch", launch(options))
      yield* router.add("GET", `${prefix}/health`, Effect.succeed(HttpServerResponse.jsonUnsafe({ ok: true })))
      yield* router.add(
        "GET",
        `${prefix}/openapi.json`,
        Effect.sync(() => HttpServerResponse.jsonUnsafe(openapi()))
      )
      for (const operation of operations) {
        yield* router.add(
          "GET",
          `${prefix}${operation.path}` as `/${string}`,
          Effect.gen(function* () {
            const request = yield* HttpServerRequest.HttpServerRequest
            if (!options.tokens.admits(request.headers.authorization)) return problem(401, "a bearer is needed")
            const inPath = yield* HttpRouter.params
            const inQuery = Object.fromEntries(new URL(request.url, "http://localhost").searchParams)
            const answer = operation.answer(options.view, { ...inQuery, ...inPath })
            return yield* Effect.catch(answer, (missing: Contract.Missing) =>
              Effect.succeed(problem(404, `there is no ${missing.what}`))
            )
          })
        )
      }
      yield* router.add("*", `${prefix}/*`, Effect.succeed(problem(404, "there is no such call")))
    })
  )
