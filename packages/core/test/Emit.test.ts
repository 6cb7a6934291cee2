import { emit, shared } from "@coddiwomple/core/Emit"
import { read } from "@coddiwomple/core/Read"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { parse, stringify } from "yaml"

/** Texts that one YAML version or another takes for something else. */
const nasty = [
  ..."y Y n N yes Yes YES no No NO on On ON off Off OFF true True TRUE false False FALSE null Null NULL ~".split(" "),
  ..."1e3 1E3 0x1F 0o7 012 0b11 1_000 12:30:45 1:30 +1 -1 -0 .5 1. 1.5 1e+21 .inf -.inf .Inf .nan .NaN Infinity NaN".split(
    " "
  ),
  ..."2001-01-01 2001-12-14t21:59:43.10-05:00 << = - ? : --- ... ! & * | > % @ ` # , [ ] { } [] {} ' \" a:b a#b".split(
    " "
  ),
  ...[
    "",
    " ",
    "  ",
    "\t",
    "\n",
    "\n\n",
    "a\n",
    "a\nb",
    "a\n\nb\n",
    "a\n\n",
    "\na",
    " a\nb",
    "a \nb",
    "a\n  b\n c",
    "a\n\tb",
    "a\tb\nc"
  ],
  ...[
    "a ",
    " a",
    "a: b",
    "a:",
    "a #b",
    "#a",
    "- a",
    "? a",
    ": a",
    "!a",
    "&a",
    "*a",
    "*.global",
    "|",
    "|-",
    ">",
    "%a",
    "@a",
    "`a"
  ],
  ...[
    "key: [",
    "{a",
    "a]",
    "--- a",
    "...a",
    "a\r\nb",
    "\r",
    "\u0000",
    "\u0007",
    "\u001b",
    "\u007f",
    "\u0085",
    "\u00a0",
    "\u00a0a\nb"
  ],
  ...[
    "\u2028",
    "a\u2028b\nc",
    "\u2029",
    "\ufeff",
    "a\ufeffb\nc",
    "\ufffe",
    "\uffff",
    "\ud800",
    "a\ud800\nb",
    "\ud83d\ude00",
    "\ud83d\ude00\nx"
  ],
  ...[
    "240.0.0.1",
    "30s",
    "5m",
    "1h",
    "100ms",
    "1e3s",
    "0x1s",
    "1s ",
    "5d",
    "12e",
    "1.2.3",
    "1.2.3.4.5",
    "0.0.0.0",
    "2001:db8::1",
    "::1",
    "é",
    "日本",
    "日本\n語",
    "a".repeat(2000),
    `${"k".repeat(1100)}: `
  ],
  ...[
    "__proto__",
    "constructor",
    "toString",
    "apiVersion",
    "metadata",
    "name",
    "spec",
    "labels",
    "10",
    "9",
    "foo.default.svc.cluster.local"
  ]
]

const text = fc.oneof(
  fc.constantFrom(...nasty),
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.string({ unit: fc.constantFrom("a", "é", " ", "\n", "\t", ":", "#", "-", "1", "\u2028", "\r"), maxLength: 12 }),
  fc.array(fc.constantFrom(...nasty), { maxLength: 3 }).map((parts) => parts.join(" ")),
  fc.array(fc.constantFrom(...nasty), { maxLength: 3 }).map((parts) => parts.join("\n"))
)
const atom = fc.oneof(
  text,
  fc.double({ noDefaultInfinity: true, noNaN: true }),
  fc.integer(),
  fc.boolean(),
  fc.constant(null)
)
const { json } = fc.letrec<{ json: unknown; map: unknown }>((tie) => ({
  json: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    atom,
    fc.array(tie("json"), { maxLength: 4 }),
    tie("map")
  ),
  map: fc.dictionary(text, tie("json"), { maxKeys: 5 })
}))

/** What JSON itself keeps of a value: no `-0`, plain prototypes. */
const plain = (v: unknown): unknown => JSON.parse(JSON.stringify(v))
const both = ["1.1", "1.2"] as const

describe("emit", () => {
  it("prints objects of Kubernetes in the order in which people read them", () => {
    const object = {
      spec: {
        hosts: ["a.global", "*.b.global"],
        on: "y",
        empty: {},
        none: [],
        nested: [[1, []], [{ z: 1, a: { b: "" } }]]
      },
      status: null,
      kind: "ServiceEntry",
      data: { Corefile: "global:53 {\n    errors\n}\n", note: "two\n\nlines" },
      metadata: { zone: "z", annotations: { "a/b": "1" }, labels: { n: "012" }, namespace: "cw", name: "x" },
      apiVersion: "networking.istio.io/v1"
    }
    expect(emit(object)).toBe(`apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata:
  name: x
  namespace: cw
  labels:
    "n": "012"
  annotations:
    a/b: "1"
  zone: z
spec:
  empty: {}
  hosts:
  - a.global
  - "*.b.global"
  nested:
  - - 1
    - []
  - - a:
        b: ""
      z: 1
  none: []
  "on": "y"
data:
  Corefile: |
    global:53 {
        errors
    }
  note: |-
    two

    lines
status: null
`)
  })

  it("gives each text back, in YAML 1.1 and 1.2, as value, as key, in lists and alone", () => {
    for (const t of nasty) {
      const value = { [t]: t, list: [t, [t], { [t]: t }], text: t }
      for (const version of both) {
        expect(parse(emit(value), { version }), JSON.stringify(t)).toEqual(value)
        expect(parse(emit(t), { version }), JSON.stringify(t)).toEqual(t)
      }
      expect(read(emit(value))).toEqual(value)
      expect(read(emit(t))).toEqual(t)
    }
  })

  it("round-trips any JSON, in YAML 1.1 and 1.2 and through read", () => {
    fc.assert(
      fc.property(json, (value) => {
        const printed = emit(value)
        const expected = plain(value)
        for (const version of both) expect(plain(parse(printed, { version }))).toEqual(expected)
        const back = read(printed)
        expect(back).toEqual(expected)
        expect(emit(back)).toBe(printed)
        expect(printed.endsWith("\n")).toBe(true)
        expect(printed).not.toMatch(/\r|[^\S\n]\n|\n\n$/)
      }),
      { numRuns: 500 }
    )
  })

  it("does not depend on the order of keys", () => {
    fc.assert(
      fc.property(fc.dictionary(text, json, { maxKeys: 6 }), (map) => {
        const reversed = Object.fromEntries(Object.entries(map).reverse())
        expect(emit(reversed)).toBe(emit(map))
      }),
      { numRuns: 100 }
    )
  })

  it("prints shared values as all others, wherever they stand", () => {
    const of = (mark: <T extends object>(v: T) => T) => {
      const labels = mark({ b: "1", a: { c: [] } })
      const list = mark([labels, mark([1, labels]), mark({}), mark([])])
      const metadata = mark({ labels, name: "x" })
      return [
        {
          kind: "A",
          metadata,
          spec: metadata,
          labels,
          list,
          z: { labels, list: [list, labels], empty: mark({}), none: mark([]) }
        },
        [labels, list],
        { labels }
      ]
    }
    const marked = of(shared)
    for (const [i, value] of of((v) => v).entries()) {
      for (let round = 0; round < 2; round++) expect(emit(marked[i])).toBe(emit(value))
    }
  })

  it("leaves out undefined members and nothing else", () => {
    expect(emit({ a: undefined, b: "", c: [], d: {}, e: { f: undefined }, g: [{ h: undefined }] })).toBe(
      'b: ""\nc: []\nd: {}\ne: {}\ng:\n- {}\n'
    )
    expect(emit([undefined])).toBe("- null\n")
  })

  it("refuses what JSON cannot carry, and prints on after that", () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, 1n, Symbol("s"), () => 1]) {
      expect(() => emit({ a: [bad] })).toThrow(TypeError)
    }
    expect(emit({ a: 1e21, b: 1e-7, c: -0, d: 1.5e300 })).toBe("a: 1.0e+21\nb: 1.0e-7\nc: 0\nd: 1.5e+300\n")
  })

  it("is at least ten times as fast as the yaml package", () => {
    const entry = {
      apiVersion: "networking.istio.io/v1",
      kind: "ServiceEntry",
      metadata: { name: "cw-out-reviews", namespace: "cw-system", labels: { "coddiwomple.io/service": "reviews" } },
      spec: {
        hosts: ["reviews.global"],
        endpoints: ["a", "b", "c"].map((c) => ({
          address: `gw-${c}.example.net`,
          labels: { "coddiwomple.io/cluster": c },
          ports: { http: 15443 }
        })),
        ports: [{ name: "http", number: 80, protocol: "HTTP" }],
        resolution: "DNS"
      }
    }
    const fastest = (f: () => void): number => {
      let best = Number.POSITIVE_INFINITY
      for (let round = 0; round < 10; round++) {
        const start = performance.now()
        for (let i = 0; i < 200; i++) f()
        best = Math.min(best, performance.now() - start)
      }
      return best
    }
    expect(fastest(() => emit(entry)) * 10).toBeLessThan(fastest(() => stringify(entry)))
  })
})

describe("read", () => {
  it("throws on every text that emit does not print", () => {
    const others = [
      "",
      "\n",
      "a: 1",
      "a:  1\n",
      "a: 1\n\n",
      "b: 1\na: 2\n",
      "a: 1\na: 2\n",
      "a: 'x'\n",
      "a: [1]\n",
      "a: yes\n",
      "a: 0x1\n",
      "a: 1e3\n",
      "a: -Infinity\n",
      "a: 1.0\n",
      "a: x # c\n",
      "# c\na: 1\n",
      "---\na: 1\n",
      "a:\n    b: 1\n",
      "a:\n  - b\n",
      "a: >\n  b\n",
      "a: |+\n  b\n",
      "a: |\n b\n",
      "a: |\n",
      "a:\n",
      "a\n b\n",
      'a: "x" \n',
      'a: "x\n',
      'a: "\\x41"\n',
      '"a": 1\n',
      "&a b: *a\n",
      "a: *b\n",
      "<<: {}\n",
      "a: !!str b\n",
      "\ta: 1\n",
      "a: 1\r\n",
      "- \n",
      "-\n",
      "? a\n: 1\n",
      "kind: A\napiVersion: v1\n",
      "a: \u2028\n",
      "a: é\n",
      "spec: 1\nmetadata: 2\n"
    ]
    for (const other of others) expect(() => read(other), JSON.stringify(other)).toThrow(SyntaxError)
    expect(() => read(`${"- ".repeat(100_000)}a\n`)).toThrow(SyntaxError)
  })

  it("never gives another value than a YAML parser", () => {
    fc.assert(
      fc.property(
        json,
        fc.nat(),
        fc.constantFrom("", " ", "\n", "-", ":", '"', "#", "a", "0"),
        (value, where, insert) => {
          const printed = emit(value)
          const i = where % (printed.length + 1)
          const changed = printed.slice(0, i) + insert + printed.slice(insert === "" ? i + 1 : i)
          let back: unknown
          try {
            back = read(changed)
          } catch (cause) {
            expect(cause).toBeInstanceOf(SyntaxError)
            return
          }
          for (const version of both) expect(plain(parse(changed, { version }))).toEqual(plain(back))
        }
      ),
      { numRuns: 300 }
    )
  })
})
