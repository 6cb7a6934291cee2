/** The default wiring, and every way in which a graph can be wrong. */
import * as Graph from "@coddiwomple/core/Graph"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"

const node = (kind: Graph.Wire["kind"], id: string, more: Partial<Graph.Wire> = {}): Graph.Wire => ({
  kind,
  id,
  ...more
})
const codes = (wires: ReadonlyArray<Graph.Wire>, options?: Graph.Options) =>
  Graph.wire(wires, options).problems.map((p) => [p.diagnostic.code, p.node, ...p.path])
const reads = (wires: ReadonlyArray<Graph.Wire>) => Object.fromEntries(Graph.wire(wires).graph.upstream)

const source = node("source", "in")
const mesh = node("transform", "mesh", { produces: ["object"] })
const dns = node("transform", "dns", { produces: ["file"] })
const both = node("transform", "both", { produces: ["object", "file"] })
const labelled = node("transform", "labelled", { from: ["mesh"], produces: ["object"] })
const apply = node("sink", "apply", { accepts: ["object"] })
const files = node("sink", "files")
const check = node("check", "check")

describe("default wiring", () => {
  it("is transform from model, sink from every leaf it takes, check from what sinks read", () => {
    const wires = [source, mesh, dns, both, labelled, apply, files, check]
    expect(reads(wires)).toEqual({
      mesh: [],
      dns: [],
      both: [],
      labelled: ["mesh"],
      apply: ["both", "labelled"],
      files: ["both", "dns", "labelled"],
      check: ["both", "dns", "labelled"]
    })
    const { graph, problems } = Graph.wire(wires)
    expect(problems).toEqual([])
    expect(graph.order).toEqual(["both", "dns", "mesh", "labelled"])
    expect(graph.leaves).toEqual(["both", "dns", "labelled"])
    expect([graph.sources, graph.checks, graph.sinks]).toEqual([["in"], ["check"], ["apply", "files"]])
  })

  it("lets a check see what a sink reads in the middle of a chain", () => {
    const early = node("sink", "early", { from: ["mesh"] })
    expect(reads([mesh, labelled, early, files, check]).check).toEqual(["mesh", "labelled"])
  })

  it("has a sink read nothing but the model where there are no transforms", () => {
    expect(reads([source, files])).toEqual({ files: [] })
    expect(codes([source, apply])).toEqual([["CW307", "apply"]])
  })

  it("does not depend on the order of declaration", () => {
    const wires = [source, mesh, dns, both, labelled, apply, files, check]
    fc.assert(
      fc.property(fc.shuffledSubarray(wires, { minLength: wires.length }), (shuffled) => {
        const plain = ({ graph }: Graph.Wired) => ({ ...graph, upstream: [...graph.upstream].sort() })
        expect(plain(Graph.wire(shuffled))).toEqual(plain(Graph.wire(wires)))
      }),
      { numRuns: 30 }
    )
  })
})

describe("problems", () => {
  const t = (id: string, from: ReadonlyArray<string>, more: Partial<Graph.Wire> = {}) =>
    node("transform", id, { from, ...more })

  it("tells unknown, wrong, doubled and empty references at their index", () => {
    expect(codes([mesh, t("a", ["mehs"]), files])).toEqual([["CW301", "a", "from", 0]])
    expect(codes([mesh, t("a", ["mesh", "mesh"]), files])).toEqual([["CW304", "a", "from", 1]])
    expect(codes([mesh, t("a", []), files])).toEqual([["CW303", "a", "from"]])
    expect(codes([source, mesh, t("a", ["in", "files"]), files])).toEqual([
      ["CW303", "a", "from", 0],
      ["CW303", "a", "from", 1]
    ])
    expect(codes([mesh, t("a", ["model", "mesh"]), files])).toEqual([["CW303", "a", "from", 0]])
    expect(codes([mesh, node("sink", "out", { from: ["model"] })])).toEqual([["CW303", "out", "from", 0]])
    expect(codes([t("a", ["model"]), files])).toEqual([])
  })

  it("tells each loop once, whole, and not its consequences", () => {
    const loop = [t("a", ["c"]), t("b", ["a"]), t("c", ["b"]), t("self", ["self"]), t("behind", ["c"]), files]
    const { graph, problems } = Graph.wire(loop)
    expect(problems.map((p) => p.diagnostic.message)).toEqual([
      "transforms form a cycle: a → b → c → a",
      "transform `self` reads itself"
    ])
    expect(graph.order).toEqual([])
    const eight = [t("x", ["y", "z"]), t("y", ["x"]), t("z", ["x"]), files]
    expect(Graph.wire(eight).problems.map((p) => p.diagnostic.message)).toEqual(["transforms form a cycle: x → y → x"])
  })

  it("tells what is never used, unless something else is wrong", () => {
    const out = node("sink", "out", { from: ["mesh"] })
    expect(codes([mesh, dns, out])).toEqual([["CW104", "dns"]])
    expect(codes([mesh, dns, apply])).toEqual([["CW104", "dns"]])
    expect(codes([mesh, dns, out], { incomplete: true })).toEqual([])
    expect(codes([mesh, dns, node("sink", "out", { from: ["mehs"] })])).toEqual([["CW301", "out", "from", 0]])
    expect(codes([mesh, dns, out, node("check", "c", { from: ["dns"] })])).toEqual([])
  })

  it("tells forms that do not fit, and concludes nothing from what is unknown", () => {
    expect(codes([dns, files, node("sink", "out", { accepts: ["object"], from: ["dns"] })])).toEqual([
      ["CW307", "out", "from", 0]
    ])
    expect(codes([t("any", ["model"]), apply])).toEqual([])
  })

  it("tells shapes that do not fit what is read", () => {
    expect(codes([t("a", ["model"], { shape: "artifact" }), files])).toEqual([["CW303", "a"]])
    expect(codes([mesh, t("a", ["mesh"], { shape: "service" }), files])).toEqual([["CW303", "a", "from"]])
    expect(codes([mesh, t("a", ["mesh"], { shape: "set" }), t("b", ["a"], { shape: "artifact" }), files])).toEqual([])
  })

  it("tells names that are taken or not names", () => {
    expect(codes([source, node("sink", "in")])).toEqual([["CW106", "in"]])
    for (const id of ["", "A", "1a", "a-", "a.b", "model", "a".repeat(64), "ä"]) {
      expect(codes([node("source", id)])).toEqual([["CW106", id]])
    }
    for (const id of ["a", "a-1", "a".repeat(63), "toString".toLowerCase()])
      expect(codes([node("source", id)])).toEqual([])
  })

  it("tells shared targets, and deletes without means or name", () => {
    const a = node("sink", "a", { exclusive: ["k", "l"] })
    const b = node("sink", "b", { exclusive: ["l", "k"] })
    expect(codes([a, b])).toEqual([["CW305", "b"]])
    const c = node("sink", "c", { exclusive: ["k/below"] })
    expect(codes([a, c])).toEqual([["CW305", "c"]])
    expect(codes([c, a])).toEqual([["CW305", "a"]])
    expect(codes([a, node("sink", "d", { exclusive: ["kl"] })])).toEqual([])
    expect(codes([node("sink", "a", { policy: "sync" })], { owner: "me" })).toEqual([])
    expect(codes([node("sink", "a", { policy: "sync" })])).toEqual([["CW109", "a", "policy"]])
    expect(codes([node("sink", "a", { policy: "sync", deletes: false })], { owner: "me" })).toEqual([
      ["CW306", "a", "policy"]
    ])
  })

  it("keeps switched-off nodes out, but not their names", () => {
    const off = node("transform", "gone", { off: true })
    expect(reads([mesh, off, files])).toEqual({ mesh: [], files: ["mesh"] })
    expect(codes([mesh, off, t("a", ["gone"]), files])).toEqual([["CW301", "a", "from", 0]])
    expect(codes([off, node("sink", "gone")])).toEqual([["CW106", "gone"]])
  })

  it("never throws, and orders whatever can be ordered", () => {
    const ids = ["a", "b", "c", "d", "model", ""]
    const wires = fc.array(
      fc.record({
        kind: fc.constantFrom("source", "transform", "check", "sink" as const),
        id: fc.constantFrom(...ids),
        from: fc.option(fc.array(fc.constantFrom(...ids, "x"), { maxLength: 3 }), { nil: undefined })
      }),
      { maxLength: 8 }
    )
    fc.assert(
      fc.property(wires, (list) => {
        const { graph, problems } = Graph.wire(list)
        const seen = new Set<string>()
        for (const id of graph.order) {
          for (const up of graph.upstream.get(id)!) expect(seen.has(up)).toBe(true)
          seen.add(id)
        }
        for (const p of problems) expect(list.some((n) => n.id === p.node && n.kind === p.kind)).toBe(true)
      }),
      { numRuns: 300 }
    )
  })
})
