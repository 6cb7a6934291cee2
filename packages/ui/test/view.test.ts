/** What the page is told, from a real engine: snapshot, deltas, details, plans, bundles. */
import { assert, describe, it } from "@effect/vitest"
import { emit } from "@coddiwomple/core/Emit"
import type { Plan } from "@coddiwomple/core/Plan"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { Live } from "../src/Contract.ts"
import { Matrix } from "../src/Matrix.ts"
import { BundleView } from "../src/server/BundleView.ts"
import { liveText, steps } from "../src/server/Detail.ts"
import { ask, clusters, first, rig, type Rig, service } from "./Running.ts"

/** Applies messages to a matrix until the condition holds. */
const until = (watch: Stream.Stream<Live>, good: (matrix: Matrix, last: Live) => boolean) => {
  const matrix = new Matrix()
  return watch.pipe(
    Stream.map((message) => {
      if (message._tag === "Snapshot") matrix.snapshot(message)
      if (message._tag === "Delta") matrix.delta(message)
      return good(matrix, message)
    }),
    Stream.filter((done) => done),
    Stream.take(1),
    Stream.runDrain,
    Effect.timeout("10 seconds"),
    Effect.as(matrix)
  )
}

const shown = (matrix: Matrix) =>
  matrix.rows
    .filter((r) => !r.removed)
    .map(
      (r) =>
        `${r.id} ${[...Array(matrix.width)].map((_, i) => "!-+~h?=r."[matrix.cell(matrix.number(r.id)!, i)]).join("")}`
    )

const two = first(clusters("a", "b"), service("cart", ["a"]), service("web", ["a", "b"]))

const settled = (r: Rig, wanted: ReadonlyArray<string>) =>
  until(r.view.watch(20), (m) => JSON.stringify(shown(m)) === JSON.stringify(wanted))

describe("watch", () => {
  it.live("tells services by clusters, and then only what changes", () =>
    Effect.gen(function* () {
      const r = yield* rig()
      r.say(...two)
      yield* settled(r, ["cart.shop =.", "web.shop =="])
      const messages: Array<string> = []
      const watching = yield* Effect.forkChild(
        until(
          r.view.watch(20).pipe(Stream.tap((m) => Effect.sync(() => messages.push(m._tag)))),
          (m) => m.number("new.shop") !== undefined && shown(m).join() === "cart.shop ==,web.shop ==,new.shop .="
        )
      )
      yield* Effect.sleep(50)
      r.say({
        _tag: "Delta",
        partition: "p",
        upserts: [...service("cart", ["a", "b"]), ...service("new", ["b"])],
        removes: []
      })
      const matrix = yield* Fiber.join(watching)
      assert.strictEqual(messages.filter((m) => m === "Snapshot").length, 1)
      assert.strictEqual(
        matrix.counts.reduce((a, b) => a + b, 0),
        6
      )
      r.say({
        _tag: "Delta",
        partition: "p",
        upserts: [],
        removes: ["service/web.shop", "backend/web.shop/a", "backend/web.shop/b"]
      })
      yield* settled(r, ["cart.shop ==", "new.shop .="])
    })
  )

  it.live("a new cluster is a new snapshot for those who watch", () =>
    Effect.gen(function* () {
      const r = yield* rig()
      r.say(...two)
      yield* settled(r, ["cart.shop =.", "web.shop =="])
      const watching = yield* Effect.forkChild(until(r.view.watch(20), (m) => m.width === 3))
      yield* Effect.sleep(50)
      r.say({ _tag: "Snapshot", partition: "p", facts: [...clusters("a", "b", "c"), ...service("cart", ["c"])] })
      assert.deepStrictEqual(shown(yield* Fiber.join(watching)), ["cart.shop ..="])
    })
  )

  it.live("cells show what the plan would do; a cluster that cannot be read is unknown", () =>
    Effect.gen(function* () {
      const r = yield* rig()
      r.plan({
        unchanged: 0,
        items: [
          {
            op: "update",
            target: "a",
            id: "/ConfigMap/cw/cart",
            service: "cart.shop",
            fields: [{ path: "data.host", before: "old.global", after: "cart.shop.global" }]
          },
          { op: "delete", target: "b", id: "/ConfigMap/cw/gone", service: "gone.shop" }
        ],
        failed: new Map([["b", { code: "CW405", severity: "error", message: "no route to host" }]])
      } as Plan)
      r.say(...two)
      yield* settled(r, ["cart.shop ~.", "web.shop =?", "gone.shop .-"])
      const cart = yield* r.view.service("cart.shop")
      assert.strictEqual(cart.changes.length, 1)
      assert.include(cart.changes[0]!.live, "host: old.global")
      assert.include(cart.changes[0]!.next, "host: cart.shop.global")
      assert.deepStrictEqual(
        r.view.clusters().map((c) => [c.name, c.state]),
        [
          ["a", "declared"],
          ["b", "unreached"]
        ]
      )
    })
  )

  it.live("a held service says why", () =>
    Effect.gen(function* () {
      const r = yield* rig()
      r.say(...first(clusters("a"), service("cart", ["nowhere"])))
      yield* until(r.view.watch(20), (m) => m.rows[0]?.why !== undefined)
      const cart = yield* r.view.service("cart.shop")
      assert.include(cart.held[0]!.message, "nowhere")
    })
  )
})

describe("plans", () => {
  it.live("are immutable, and stale as soon as a sink would do something else", () =>
    Effect.gen(function* () {
      const r = yield* rig({ allow: ["apply"] })
      r.plan({
        unchanged: 0,
        items: [
          { op: "create", target: "a", id: "/ConfigMap/cw/cart", service: "cart.shop", digest: "1" },
          { op: "delete", target: "b", id: "/ConfigMap/cw/x", service: "x.shop" }
        ]
      })
      r.say(...two)
      yield* settled(r, ["cart.shop +.", "web.shop ==", "x.shop .-"])
      const plan = yield* r.view.makePlan([])
      assert.strictEqual(plan.confirm, "2 clusters")
      // What a person may copy into a terminal does the same there.
      assert.match(plan.command, /^cw run --once test\.yaml( --sink \w+)?$/)
      assert.strictEqual(plan.items[0]!.op, "delete")
      assert.include(plan.risks[0]!.head, "1 object is deleted")
      assert.isFalse((yield* r.view.getPlan(plan.id)).stale)
      r.plan({
        unchanged: 0,
        items: [{ op: "create", target: "a", id: "/ConfigMap/cw/cart", service: "cart.shop", digest: "2" }]
      })
      r.say({ _tag: "Delta", partition: "p", upserts: service("cart", ["a", "b"]), removes: [] })
      yield* until(r.view.watch(20), (m) => m.cell(m.number("cart.shop")!, 1) !== 8)
      yield* Effect.sleep(50)
      assert.isTrue((yield* r.view.getPlan(plan.id)).stale)
      assert.strictEqual((yield* Effect.flip(r.view.getPlan("none")))._tag, "Missing")
    })
  )

  it("old values are put back into the generated body", () => {
    const text = emit({
      apiVersion: "v1",
      kind: "A",
      metadata: { labels: { "a.b/c": "1" }, name: "x" },
      spec: { list: [{ name: "one" }], new: true }
    })
    const fields = [
      { path: 'metadata.labels["a.b/c"]', before: "0", after: "1" },
      { path: "spec.list[0].name", before: "zero", after: "one" },
      { path: "spec.new", after: true },
      { path: "spec.old", before: 5 }
    ]
    const live = liveText(text, { op: "update", target: "a", id: "", fields })!
    assert.include(live, 'a.b/c: "0"')
    assert.include(live, "name: zero")
    assert.include(live, "old: 5")
    assert.notInclude(live, "new:")
    assert.deepStrictEqual(steps('a["b.c"][2].d'), ["a", "b.c", 2, "d"])
  })
})

describe("the API", () => {
  it.live("gives the same to curl, described by OpenAPI, and a bundle that opens offline", () =>
    Effect.gen(function* () {
      const r = yield* rig()
      r.say(...two)
      yield* settled(r, ["cart.shop =.", "web.shop =="])
      const get = (path: string) =>
        Effect.promise(() => ask(r.url, `/api/v1${path}`, { authorization: `Bearer ${r.tokens.session}` }))
      const openapi = JSON.parse((yield* get("/openapi.json")).text) as { readonly paths: Record<string, unknown> }
      assert.includeMembers(Object.keys(openapi.paths), ["/status", "/services/{id}", "/plan", "/bundle"])
      assert.strictEqual((yield* get("/services/none")).status, 404)
      assert.include((yield* get("/services/web.shop/yaml?cluster=b")).text, "host: web.shop.global")
      const view = BundleView((yield* get("/bundle")).text)
      assert.isObject(view)
      if (typeof view === "string") return
      assert.deepStrictEqual(shown(yield* until(view.watch(50), (m) => m.size === 2)), ["cart.shop =.", "web.shop =="])
      assert.strictEqual(view.info().mode, "offline bundle")
      assert.strictEqual((yield* view.service("web.shop")).resources.length, 1)
      assert.strictEqual(BundleView("{}"), "this is not a bundle of cw ui")
    })
  )
})
