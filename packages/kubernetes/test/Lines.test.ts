// However bytes are cut into pieces, the same lines come out.
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { parseDocument } from "yaml"
import { harmless, yamlProblem } from "../src/Harmless.ts"
import { Lines, LineTooLong } from "../src/Lines.ts"

describe("lines", () => {
  it("W6: come whole from any pieces, with split characters and raw U+2028", () => {
    const line = fc.string({ unit: "binary" }).map((s) => s.replace(/[\n\ud800-\udfff]/g, "é\u2028"))
    fc.assert(
      fc.property(fc.array(line), fc.infiniteStream(fc.integer({ min: 1, max: 9 })), (wanted, sizes) => {
        const bytes = new TextEncoder().encode(wanted.map((l) => `${l}\n`).join("") + "rest")
        const lines = new Lines()
        const got: Array<string> = []
        for (let at = 0; at < bytes.length; ) {
          const size = sizes.next().value
          lines.push(bytes.subarray(at, at + size), (l) => got.push(l))
          at += size
        }
        expect(got).toEqual(wanted.filter((l) => l !== ""))
        expect(lines.pending).toBe(4)
      })
    )
  })

  it("refuses a line without end", () => {
    const lines = new Lines(1000)
    expect(() => {
      for (let i = 0; i < 100; i++) lines.push(new Uint8Array(100).fill(65), () => {})
    }).toThrow(LineTooLong)
  })
})

describe("texts of others", () => {
  it("lose what looks like a secret and keep what does not", () => {
    const token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl"
    expect(harmless(`error: ${token}`)).toBe("error: …")
    expect(harmless("https://user:pw@host/x")).toBe("https://…@host/x")
    expect(harmless('{"token": "abc", "a": 1}')).toBe('{"token": …, "a": 1}')
    expect(harmless("AKIA5EXAMPLE7SECRET9KEY0123")).toBe("…")
    expect(harmless("my-value", ["my-value"])).toBe("…")
    const plain = 'pods "a-rather-long-name-of-an-object-v1" not found in namespace kube-system'
    expect(harmless(plain)).toBe(plain)
    expect(harmless("a\u001b[31m\nb")).toBe("a [31m b")
  })

  it("lose what a YAML parser takes a token for", () => {
    for (const token of [
      "*s3cr3t",
      "!s3cr3t x",
      "!!s3cr3t x",
      "!<s3cr3t> x",
      "!s!cr3t x",
      "|s3cr3t",
      '"\\s3cr3t"',
      "!e! x"
    ]) {
      const document = parseDocument(`user:\n  token: ${token}\n`, { logLevel: "silent" })
      const problems = [...document.errors, ...document.warnings].map((error) => error.message.split("\n")[0]!)
      try {
        document.toJS()
      } catch (cause) {
        problems.push(String((cause as Error).message))
      }
      expect(problems).not.toEqual([])
      const told = problems.map(yamlProblem)
      expect(told.join()).not.toMatch(/s3|cr3t|!/)
      expect(told.every((problem) => problem.length > 5)).toBe(true)
    }
  })
})
