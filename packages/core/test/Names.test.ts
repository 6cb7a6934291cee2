/** The doors through which names pass: labels, hosts, addresses, object names, suggestions. */
import { assert, describe, it } from "vitest"
import * as fc from "fast-check"
import { Addresses, addressProblem, lockText, parseRange, type Range, readLock } from "../src/Addresses.ts"
import { Claims } from "../src/Claims.ts"
import { digest, digestBytes, portable } from "../src/Digest.ts"
import * as Diagnostic from "../src/Diagnostic.ts"
import * as Names from "../src/Names.ts"
import * as Suggest from "../src/Suggest.ts"

const range = (cidr: string): Range => {
  const r = parseRange(cidr)
  if ("problem" in r) throw new Error(r.problem)
  return r
}

describe("object names", () => {
  it("are labels, and differ for different identities", () => {
    const word = fc.stringMatching(/^[a-z0-9.\-_A-Z]{1,80}$/)
    fc.assert(
      fc.property(fc.uniqueArray(word, { minLength: 2, maxLength: 20 }), (identities) => {
        const names = identities.map((i) => Names.objectName(i, "cw-", "-gateway"))
        for (const name of names) assert.isTrue(Names.isDnsLabel(name), name)
        assert.equal(new Set(names).size, names.length)
      }),
      { numRuns: 500 }
    )
  })
  it("stay readable where they can", () => {
    assert.equal(Names.objectName("reviews", "cw-"), "cw-reviews")
    assert.equal(Names.objectName("reviews.default", "cw-"), "cw-reviews--default")
    assert.match(Names.objectName("a--b.c", "cw-"), /^cw-a-b-c-[0-9a-f]{8}$/)
  })
  it("a label is suggested for what is none", () => {
    assert.equal(Names.toDnsLabel("My_Service!"), "my-service")
    assert.isUndefined(Names.toDnsLabel("../"))
  })
})

describe("DNS names", () => {
  it.each([
    ["a.b", true],
    ["a..b", false],
    ["-a.b", false],
    ["a.1", false],
    ["1.a", true],
    [`${"x".repeat(64)}.a`, false],
    ["a b.c", false],
    ["", false]
  ])("%s: %s", (name, ok) => assert.equal(Names.isDnsName(name), ok))
})

describe("addresses", () => {
  it("stay where they are when others are added, whatever the order", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ minLength: 1, maxLength: 6 }), { maxLength: 60 }), (services) => {
        const r = range("240.1.0.0/25")
        const first = new Addresses(r)
        const half = services.slice(0, services.length >> 1)
        for (const s of half) first.of(s)
        const second = new Addresses(r, first.pins)
        for (const s of [...services].reverse()) second.of(s)
        for (const s of half) assert.equal(second.of(s), first.of(s))
        const all = services.map((s) => second.of(s))
        assert.equal(new Set(all).size, services.length)
        for (const a of all) assert.isUndefined(addressProblem(a!))
      })
    )
  })
  it("run out with undefined, not with a duplicate", () => {
    const a = new Addresses(range("10.0.0.0/28"))
    const got = Array.from({ length: 20 }, (_, i) => a.of(`s${i}`))
    assert.equal(got.filter((x) => x !== undefined).length, 15)
    assert.equal(new Set(got.filter((x) => x !== undefined)).size, 15)
  })
  it("never come from Istio's own range", () => {
    const a = new Addresses(range("240.240.0.0/15"))
    for (let i = 0; i < 500; i++) assert.match(a.of(`s${i}`)!, /^240\.241\./)
  })
  it.each(["127.0.0.1", "224.0.0.1", "240.240.1.1", "x", "0.0.0.0", "::1"])("refuse %s as a virtual IP", (a) =>
    assert.isString(addressProblem(a))
  )
  it.each([
    ["0.0.0.0", "an unspecified"],
    ["169.254.1.1", "a link-local"],
    ["127.0.0.1", "a loopback"]
  ])("say of %s that it is %s address", (address, kind) =>
    assert.equal(addressProblem(address), `${address} is ${kind} address`)
  )
  it.each(["8.8.8.0/24", "240.0.0.0/30", "nonsense"])("refuse %s as a range", (cidr) =>
    assert.property(parseRange(cidr), "problem")
  )
  it("survive the lock file", () => {
    const pins = new Map([
      ["b", "240.0.0.2"],
      ["a", "240.0.0.1"]
    ])
    assert.deepEqual(
      readLock(lockText(pins), "cw.lock.json"),
      new Map([
        ["a", "240.0.0.1"],
        ["b", "240.0.0.2"]
      ])
    )
    assert.equal(lockText(new Map()), '{\n  "version": 1,\n  "addresses": {}\n}\n')
  })
  it("of a lock file may be spelt otherwise, and are still the same", () => {
    const lock = (...all: ReadonlyArray<string>) =>
      readLock(JSON.stringify({ version: 1, addresses: Object.fromEntries(all.map((a, i) => [`s${i}`, a])) }), "l.json")
    assert.deepEqual(
      lock("FD00:0::1", "::ffff:240.0.0.1"),
      new Map([
        ["s0", "fd00::1"],
        ["s1", "240.0.0.1"]
      ])
    )
    assert.isTrue(Array.isArray(lock("FD00:0::1", "fd00::1")))
  })
  it.each([
    "",
    "{",
    '{"version":1,"addresses":{"a":"240.0.0.1","b":"240.0.0.1"}}',
    '{"version":1,"addresses":{"a":"127.0.0.1"}}'
  ])("never guess at a broken lock: %s", (text) => {
    const found = readLock(text, "cw.lock.json")
    assert.isTrue(Array.isArray(found) && found.every((d) => d.code === "CW510"))
  })
})

describe("property: claims", () => {
  it("depend on the set of claims alone, and name every owner whose position changed", () => {
    const owner = fc.constantFrom("a", "b", "c", "d")
    const claim = fc.record({
      key: fc.constantFrom("k", "l"),
      share: fc.option(fc.constantFrom("x", "y"), { nil: undefined })
    })
    const clean = (c: { key: string; share: string | undefined }) =>
      c.share === undefined ? { key: c.key } : { key: c.key, share: c.share }
    fc.assert(
      fc.property(
        fc.array(fc.tuple(owner, fc.uniqueArray(claim, { maxLength: 2, selector: (c) => c.key })), { maxLength: 12 }),
        (steps) => {
          const live = new Claims()
          const final = new Map<string, ReadonlyArray<{ key: string; share?: string }>>()
          for (const [who, claims] of steps) {
            const lostBefore = new Map(
              ["a", "b", "c", "d"].map((o) => [o, JSON.stringify(live.lost(o).map((l) => [l.claim.key, l.winner]))])
            )
            const affected = live.set(who, claims.map(clean))
            final.set(who, claims.map(clean))
            for (const o of ["a", "b", "c", "d"]) {
              const moved = (lostBefore.get(o) === "[]") !== (live.lost(o).length === 0)
              if (o !== who && moved) assert.isTrue(affected.has(o))
            }
          }
          const fresh = new Claims()
          for (const [who, claims] of [...final].sort().reverse()) fresh.set(who, claims)
          for (const o of final.keys()) assert.deepEqual(live.lost(o), fresh.lost(o))
        }
      )
    )
  })
})

describe("digests", () => {
  it("are the same, native or portable", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const bytes = new TextEncoder().encode(text)
        assert.equal(digest(text), portable(bytes))
        assert.equal(digestBytes(bytes), portable(bytes))
      })
    )
    assert.equal(digest("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
  })
})

describe("did you mean", () => {
  it.each([
    ["contxt", ["context", "config"], "context"],
    ["kubernets", ["kubernetes", "json"], "kubernetes"],
    ["zzz", ["abc"], undefined],
    ["Json", ["json"], "json"]
  ])("%s", (word, known, expected) => assert.equal(Suggest.suggest(word, known), expected))

  it("names each known word once", () =>
    assert.equal(Suggest.help("zzzzzz", ["exec", "json", "exec"]), "known: exec, json"))
})

describe("diagnostics", () => {
  const d = Diagnostic.error("CW102", "unknown key `contxt`", {
    place: { file: "pipeline.yaml", line: 41, col: 7, endCol: 13, source: "      contxt: east" },
    field: "sinks.clusters.with",
    help: "did you mean `context`?"
  })
  it("show place, frame and help", () => {
    assert.equal(
      Diagnostic.toText(d),
      [
        "error[CW102]: unknown key `contxt`",
        "  --> pipeline.yaml:41:7   (sinks.clusters.with)",
        "    |",
        " 41 |       contxt: east",
        "    |       ^^^^^^",
        "   = help: did you mean `context`?"
      ].join("\n")
    )
  })
  it("show no empty field", () => {
    const place = { file: "p.yaml", line: 1, col: 1 }
    assert.include(Diagnostic.toText({ ...d, place, field: "" }), "  --> p.yaml:1:1\n")
  })
  it("never pass control characters of input to a terminal", () => {
    const evil = Diagnostic.toText(
      Diagnostic.error("CW401", "bad \u001b[31m\u202e name", {
        place: { file: "a\u0007", line: 1, col: 1, source: "\u001b]0;x\u0007" }
      })
    )
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    assert.notMatch(evil, /[\u0000-\u0009\u000b-\u001f\u007f\u202e]/)
  })
  it("become annotations", () => {
    assert.equal(
      Diagnostic.toAnnotation(d),
      "::error file=pipeline.yaml,line=41,col=7,title=CW102::unknown key `contxt`. did you mean `context`?"
    )
  })
  it("sort as a person mends a file", () => {
    const at = (file: string, line: number) => Diagnostic.error("CW102", "x", { place: { file, line, col: 1 } })
    const sorted = [at("b", 1), at("a", 10), at("a", 9), Diagnostic.error("CW102", "y")].sort(Diagnostic.compare)
    assert.deepEqual(
      sorted.map((x) => (x.place === undefined ? "none" : `${x.place.file}${x.place.line}`)),
      ["a9", "a10", "b1", "none"]
    )
  })
})
