/** Laws over a network and over standard output: steps that a server sees, and worlds that end with their process. */
import { Host } from "@coddiwomple/core/Host"
import * as Sink from "@coddiwomple/core/Sink"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { afterAll, describe, expect, it } from "vitest"
import { FaultyHttp, Given, judge, laws, type SinkSubject, Worlds } from "../src/index.ts"
import { breaks } from "./breaks.ts"
import keepsLock from "./broken/S3-KeepsLock.ts"
import good from "./good/HttpSink.ts"

let store: Record<string, { readonly text: string; readonly owner: string }> = {}
const http = await FaultyHttp.start(({ method, path, body }) => {
  const id = path.slice(1)
  if (method === "GET") return { body: store }
  if (method === "PUT") store = { ...store, [id]: JSON.parse(body) }
  if (method === "DELETE") delete store[id]
  return { status: 204 }
})
afterAll(http.close)

const subject: SinkSubject = {
  plugin: good,
  config: { url: http.url },
  world: {
    steps: http.steps,
    reset: () => {
      store = {}
    },
    fingerprint: () => new Map(Object.entries(store).map(([id, value]) => [id, JSON.stringify(value)])),
    foreign: (at = "a-notes") => {
      store = { ...store, [at]: { text: "somebody else's", owner: "somebody" } }
      return at
    }
  },
  desired: Given.story(),
  interruptions: 40,
  faults: [
    {
      title: "the server is busy",
      must: "retryable",
      arrange: () => http.fault({ bring: { status: 503, retryAfter: 1 } }),
      release: () => http.fault()
    },
    {
      title: "the server says no",
      must: "permanent",
      arrange: () => http.fault({ when: (r) => r.method === "PUT", bring: { status: 403 } }),
      release: () => http.fault()
    },
    {
      title: "an answer is lost",
      must: "retryable",
      arrange: () => http.fault({ when: (r) => r.method === "PUT", nth: 2, times: 1, bring: "lost-answer" }),
      release: () => http.fault()
    },
    {
      title: "an answer is cut",
      must: "retryable",
      at: 1,
      arrange: () => http.fault({ when: (r) => r.method === "GET", bring: { truncate: 5 } }),
      release: () => http.fault()
    }
  ]
}

describe("a good sink over HTTP", () => {
  for (const law of laws(subject)) it(`${law.name}: ${law.title}`, law.run, law.timeout)
})

it("a broken sink over HTTP", async () => {
  await breaks(
    judge("S3", { ...subject, plugin: keepsLock }),
    "S3",
    /(interrupted|killed) before step \d+ of generation 1 \(DELETE \/lock\), the next apply leaves another world than an undisturbed one[\s\S]*\+ lock/
  )
})

const printer = Sink.make({
  type: "test/print",
  summary: "Prints",
  deletes: false,
  config: Schema.Struct({}),
  examples: [{ summary: "As it is", config: {} }],
  make: Effect.fnUntraced(function* () {
    const host = yield* Host
    return Sink.write((desired) =>
      Effect.forEach(desired.artifacts(), (a) => host.stdout(new TextEncoder().encode(a.text)))
    )
  })
})

describe("a good sink to standard output", () => {
  const world = Worlds.stdout()
  const subject: SinkSubject = {
    plugin: printer,
    world,
    desired: Given.story(),
    without: { S4: "nobody else's things are in it", S5: "only the host writes" }
  }
  const all = laws(subject)
  for (const law of all) it(`${law.name}: ${law.title}`, law.run, law.timeout)
  it("was seen printing", () => {
    expect(all.flatMap((l) => l.declined ?? [])).toHaveLength(2)
    expect(world.text()).toContain("kind: ConfigMap")
  })
})
