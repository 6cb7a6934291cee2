/** The search line and the matrix of the page, as pure values. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { code, decode, encode } from "../src/Cells.ts"
import type { Row, Snapshot } from "../src/Contract.ts"
import { Matrix } from "../src/Matrix.ts"
import { parse } from "../src/Search.ts"
import { layout } from "../src/app/columns.ts"

const names = ["prod-a", "prod-b", "stage-a"]
const row = (i: string, c: string, more: Partial<Row> = {}): Row => ({
  i,
  n: i.split(".")[0]!,
  s: i.split(".")[1] ?? "",
  c,
  h: `${i}.global`,
  p: "80 443",
  t: 0,
  ...more
})
const snapshot = (...rows: ReadonlyArray<Row>): Snapshot => ({
  _tag: "Snapshot",
  epoch: 1,
  seq: 1,
  time: 0,
  info: {} as never,
  clusters: names.map((name) => ({
    name,
    state: "declared",
    addresses: [],
    gateway: "",
    source: "",
    origin: "",
    services: 0
  })),
  rows
})
const matrix = new Matrix()
matrix.snapshot(
  snapshot(
    row("cart.shop", "=~."),
    row("web.shop", "==="),
    row("auth.team-6", "+.!"),
    row("db.team-6", "...", { k: "why", t: 990_000 })
  )
)
const found = (text: string) => [...matrix.view(parse(text, names), "name", 1_000_000)].map((at) => matrix.rows[at]!.id)

describe("search", () => {
  it("terms are all to hold", () => {
    assert.deepStrictEqual(found(""), ["auth.team-6", "cart.shop", "db.team-6", "web.shop"])
    assert.deepStrictEqual(found("ns:team-6"), ["auth.team-6", "db.team-6"])
    assert.deepStrictEqual(found("SHOP ca"), ["cart.shop"])
    assert.deepStrictEqual(found("state:differs"), ["cart.shop"])
    assert.deepStrictEqual(found("cluster:stage*"), ["auth.team-6", "web.shop"])
    assert.deepStrictEqual(found("is:held"), ["db.team-6"])
    assert.deepStrictEqual(found("host:web.shop.global port:443"), ["web.shop"])
    assert.deepStrictEqual(found("changed:<1m"), ["db.team-6"])
  })
  it("a term that makes no sense says why and is left out", () => {
    for (const text of ["state:nonsense", "port:x", "what:ever", "changed:soon", "cluster:none*", "ns:"]) {
      const query = parse(text, names)
      assert.isString(query.terms[0]!.problem, text)
      assert.strictEqual(found(text).length, 4, text)
    }
  })
  it("takes any text", () => {
    fc.assert(fc.property(fc.string(), (text) => void found(text)))
  })
})

describe("matrix", () => {
  it("worst comes first", () =>
    assert.deepStrictEqual(
      [...matrix.view(parse("", names), "worst", 0)].map((at) => matrix.rows[at]!.id),
      ["auth.team-6", "cart.shop", "db.team-6", "web.shop"]
    ))
  it("counts stay true through any deltas", () => {
    const byte = fc.integer({ min: 0, max: 8 })
    const change = fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 2 }), byte)
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            change.map((c) => ({ cells: c })),
            fc
              .tuple(fc.integer({ min: 0, max: 6 }), fc.array(byte, { minLength: 3, maxLength: 3 }))
              .map(([at, c]) => ({ at, c })),
            fc.integer({ min: 0, max: 6 }).map((removed) => ({ removed }))
          )
        ),
        (changes) => {
          const m = new Matrix()
          m.snapshot(snapshot(row("a", "..."), row("b", "==="), row("c", "r.+")))
          let time = 0
          for (const c of changes) {
            const at = "at" in c ? Math.min(c.at, m.size) : 0
            m.delta({
              _tag: "Delta",
              seq: 0,
              time: ++time,
              events: 1,
              cells: "cells" in c ? [...c.cells] : [],
              rows: "at" in c ? [{ at, row: row(`s${at}`, encode(Uint8Array.from(c.c))) }] : [],
              removed: "removed" in c ? [c.removed] : []
            })
          }
          const real = new Array<number>(9).fill(0)
          m.rows.forEach((r, i) => {
            if (!r.removed) for (let k = 0; k < m.width; k++) real[m.cell(i, k)]!++
          })
          const gone = changes.some((c) => "cells" in c)
          if (!gone) assert.deepStrictEqual(m.counts, real)
        }
      )
    )
  })
  it("cells survive the wire", () =>
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: code.none })), (bytes) => {
        const into = new Uint8Array(bytes.length)
        decode(encode(Uint8Array.from(bytes)), into, 0)
        assert.deepStrictEqual([...into], bytes)
      })
    ))
  it("columns never overlap, whatever is collapsed", () => {
    const clusters = snapshot().clusters
    for (const closed of [new Set<string>(), new Set(["prod-a", "prod"])]) {
      const { columns, width } = layout(clusters, "region", closed, undefined, "prod-b")
      columns.reduce((x, c) => (assert.isAtLeast(c.x, x), c.x + c.width), 0)
      assert.isAtLeast(width, columns.at(-1)!.x)
      assert.strictEqual(columns.flatMap((c) => c.indices).length, clusters.length)
    }
  })
})
