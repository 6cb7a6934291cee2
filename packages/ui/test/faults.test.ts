/** Readers that are slow, sinks that look again, and plans that find a different world: through the real socket. */
import { assert, describe, it } from "@effect/vitest"
import type { Plan } from "@coddiwomple/core/Plan"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Live } from "../src/Contract.ts"
import { Matrix } from "../src/Matrix.ts"
import { clusters, first, rig, service } from "./Running.ts"

interface Reader {
  readonly matrix: Matrix
  /** Messages that came, and how many of them carried cells. */
  readonly taken: () => number
  /** Says that it has seen what it was sent; from then on always. */
  readonly awake: () => void
  readonly close: () => void
}

/** A page that takes the first message and then, as a tab without a turn, acknowledges nothing. */
const reader = (url: string, bearer: string, slow: boolean): Promise<Reader> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url.replace("http", "ws")}/rpc`)
    const matrix = new Matrix()
    let taken = 0
    let asleep = slow
    let rest = ""
    let owed = 0
    const send = (message: unknown) => socket.send(`${JSON.stringify(message)}\n`)
    const awake = () => {
      asleep = false
      for (; owed > 0; owed--) send({ _tag: "Ack", requestId: "1" })
    }
    socket.onopen = () =>
      send({
        _tag: "Request",
        id: "1",
        tag: "Watch",
        payload: { coalesce: 20 },
        headers: [["authorization", `Bearer ${bearer}`]]
      })
    socket.onmessage = (event) => {
      const lines = (rest + String(event.data)).split("\n")
      rest = lines.pop()!
      for (const line of lines.filter((l) => l !== "")) {
        const message = JSON.parse(line) as { readonly _tag: string; readonly values?: ReadonlyArray<Live> }
        if (message._tag !== "Chunk") continue
        for (const each of message.values ?? []) {
          taken++
          if (each._tag === "Snapshot") matrix.snapshot(each)
          if (each._tag === "Delta") matrix.delta(each)
        }
        if (asleep) owed++
        else send({ _tag: "Ack", requestId: "1" })
        resolve({ matrix, taken: () => taken, awake, close: () => socket.close() })
      }
    }
    socket.onerror = () => reject(new Error("the socket failed"))
  })

const shown = (matrix: Matrix): string =>
  matrix.rows
    .filter((r) => !r.removed)
    .map((r) => `${r.id} ${[...Array(matrix.width)].map((_, i) => matrix.cell(matrix.number(r.id)!, i)).join("")}`)
    .sort()
    .join()

const until = (what: string, good: () => boolean) =>
  Effect.gen(function* () {
    for (let i = 0; !good(); i++) {
      if (i > 400) return yield* Effect.die(new Error(`never came: ${what}`))
      yield* Effect.sleep(20)
    }
  })

describe("a slow tab", () => {
  it.live("is sent nothing that piles up, holds nobody up, and has the newest state once it takes again", () =>
    Effect.gen(function* () {
      const r = yield* rig()
      r.say(...first(clusters("a", "b"), service("cart", ["a"])))
      const [slow, quick] = yield* Effect.promise(() =>
        Promise.all([reader(r.url, r.tokens.session, true), reader(r.url, r.tokens.session, false)])
      )
      const before = slow.taken()
      for (let i = 0; i < 60; i++) {
        r.say({
          _tag: "Delta",
          partition: "p",
          upserts: service(`more-${i}`, i % 2 === 0 ? ["a"] : ["b"]),
          removes: []
        })
        yield* Effect.sleep(10)
      }
      yield* until("the quick one is up to date", () => quick.matrix.number("more-59.shop") !== undefined)
      assert.isAtMost(slow.taken() - before, 4)
      assert.isUndefined(slow.matrix.number("more-59.shop"))
      const waited = slow.taken()
      slow.awake()
      yield* until("the slow one is up to date", () => shown(slow.matrix) === shown(quick.matrix))
      assert.isAtMost(slow.taken() - waited, 12)
      slow.close()
      quick.close()
    })
  )
})

describe("what is there", () => {
  const planned = (host: string): Plan => ({
    unchanged: 0,
    items: [
      {
        op: "update",
        target: "a",
        id: "/ConfigMap/cw/cart",
        service: "cart.shop",
        digest: host,
        fields: [{ path: "data.host", before: host, after: "cart.shop.global" }]
      }
    ]
  })

  it.live("is looked at again for whoever asks for a plan, and while a page is open; no news leaves no trace", () =>
    Effect.gen(function* () {
      const r = yield* rig({ every: 50 })
      r.plan({ items: [], unchanged: 1, owned: new Map([["a", 1]]) })
      r.say(...first(clusters("a"), service("cart", ["a"])))
      const page = yield* Effect.promise(() => reader(r.url, r.tokens.session, false))
      yield* until("in sync", () => shown(page.matrix) === "cart.shop 6")
      assert.strictEqual(page.matrix.changes, 0)
      r.plan(planned("changed.by.hand"))
      yield* until("the page sees it", () => shown(page.matrix) === "cart.shop 3")
      r.plan(planned("changed.again"))
      const plan = yield* r.view.makePlan([])
      assert.include(JSON.stringify(plan.items[0]!.fields), "changed.again")
      yield* Effect.sleep(300)
      const lines = yield* r.view.events(0).pipe(Stream.take(1), Stream.runCollect)
      const plans = [...lines].flat().filter((line) => line.kind === "plan")
      assert.isAtMost(plans.length, 3)
      page.close()
    })
  )
})
