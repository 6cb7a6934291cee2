// What a URL parser would take for credentials, and what it would choke on, is gone from every text.
import * as fc from "fast-check"
import { expect, it } from "vitest"
import * as UrlCredentials from "../src/UrlCredentials.ts"

it("takes credentials out, and nothing else", () => {
  for (const [text, shown] of [
    ["https://bob:pw@host/x", "https://…@host/x"],
    ["clone of https://ghp_0123@host failed", "clone of https://…@host failed"],
    [`"https://bob:p"w'@host"`, `"https://…@host"`],
    ["https://bob:p@ss@host/x", "https://…@host/x"],
    ["Invalid URL: https://bob:p/w?#@host/x", "Invalid URL: https://…@host/x"],
    ["git+ssh://git:pw@host", "git+ssh://…@host"],
    ["https:bob:pw@host", "https:…@host"],
    ["HTTPS:\\\\bob:pw@host", "HTTPS:\\\\…@host"],
    ["https:\\/\\/bob:pw@host\\/x", "https:\\/\\/…@host\\/x"],
    ["https://a/x,https://bob:pw@b and https://c", "https://a/x,https://…@b and https://c"],
    ["https://host:6443/api", "https://host:6443/api"],
    ["http://localhost:4873/@scope/x", "http://localhost:4873/@scope/x"],
    ["https://host/x@1 asks a@b", "https://host/x@1 asks a@b"],
    ["git@host:x, a@b", "git@host:x, a@b"]
  ] as const)
    expect(UrlCredentials.hide(text)).toBe(shown)
  expect(UrlCredentials.remove("https://bob:pw@host/x")).toBe("https://host/x")
  expect(UrlCredentials.of("https://bob:p%2Fw@host and https://tok@host")).toEqual(["p%2Fw", "p/w", "tok"])
})

const printable = fc.string({ unit: fc.integer({ min: 0x21, max: 0x7e }).map((c) => String.fromCharCode(c)) })
const scheme = fc.constantFrom("https", "http", "ssh", "git+https", "wss", "FTP")

it("lets no credential through that any parser of URLs would find", () => {
  fc.assert(
    fc.property(
      scheme,
      fc.constantFrom("://", ":", ":/", ":///", ":\\"),
      printable,
      printable,
      (name, parted, before, rest) => {
        const text = `${name}${parted}${before}@${rest}`
        const url = URL.parse(text)
        if (url === null || url.username + url.password === "") return
        const left = URL.parse(UrlCredentials.remove(text))
        expect(left === null ? "" : left.username + left.password, text).toBe("")
      }
    ),
    { numRuns: 3000 }
  )
})

it("lets no password through, whatever letters it has, wherever the URL stands", () => {
  // What looks like a port or a host is one, also for a parser.
  const password = printable.filter((text) => text !== "" && !/^\d*[/?#]|@.*[/?#]/.test(text))
  fc.assert(
    fc.property(scheme, password, fc.constantFrom("", '"', "'", "(", "url=", "at "), (name, pw, before) => {
      const of = (credentials: string) => `${before}${name}://${credentials}host.example/x" said so`
      expect(UrlCredentials.hide(of(`bob:${pw}@`))).toBe(of("…@"))
      expect(UrlCredentials.hide(UrlCredentials.hide(of(`bob:${pw}@`)))).toBe(of("…@"))
    }),
    { numRuns: 2000 }
  )
})

it("reads a hostile text in no time", () => {
  for (const piece of ["https:", "://a:b", "://", "https://a:", "@://"]) {
    const from = performance.now()
    UrlCredentials.hide(`${piece.repeat(5000)} @`)
    expect(performance.now() - from, piece).toBeLessThan(3000)
  }
})
