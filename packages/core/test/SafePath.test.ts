import * as path from "node:path"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { byteLength, collisions, escape, fold, PathSet, problem, shorten } from "../src/SafePath.ts"

const nasty = fc.constantFrom(
  "",
  ".",
  "..",
  ".git",
  ".GIT",
  "git~1",
  ".cw",
  "con",
  "NUL.txt",
  "aux ",
  "a/b",
  "/",
  "\\",
  "a\u0000b",
  "é",
  "e\u0301",
  "ﬁ",
  "\ud800",
  "\udc00",
  "%",
  "%2E",
  "~",
  "-rf",
  "_cluster",
  " x ",
  "x.",
  "\u202e",
  "K",
  "\u212a"
)
const anyName = fc.oneof(
  nasty,
  fc.string({ unit: "binary" }),
  fc.string({ unit: "grapheme" }),
  fc.array(nasty).map((parts) => parts.join("")),
  fc.string({ minLength: 200, maxLength: 400 })
)

describe("SafePath", () => {
  it("whatever the names, the path is below the root and safe", () => {
    fc.assert(
      fc.property(fc.array(anyName, { minLength: 1, maxLength: 4 }), (names) => {
        const relative = names.map((name) => shorten(`${escape(name)}.yaml`)).join("/")
        assert.isUndefined(problem(relative), relative)
        for (const resolve of [path.posix, path.win32]) {
          const inside = resolve.relative(resolve.resolve("/root"), resolve.resolve("/root", relative))
          assert.isFalse(inside.startsWith("..") || resolve.isAbsolute(inside))
          assert.strictEqual(inside.split(resolve.sep).length, names.length)
        }
      })
    )
  })

  it("what `problem` lets pass stays below the root, on every system", () => {
    fc.assert(
      fc.property(fc.array(anyName, { maxLength: 4 }), (parts) => {
        const relative = parts.join("/")
        if (problem(relative) !== undefined) return
        for (const resolve of [path.posix, path.win32]) {
          const inside = resolve.relative(resolve.resolve("/root"), resolve.resolve("/root", relative))
          assert.strictEqual(inside.split(resolve.sep).join("/"), relative)
        }
        assert.isTrue(
          relative.split("/").every((segment) => byteLength(segment) <= 255 && !/^\.(git|cw$)/i.test(segment))
        )
      })
    )
  })

  it("different names give different pieces; Kubernetes names stay as they are", () => {
    fc.assert(
      fc.property(anyName, anyName, (a, b) => {
        if (a !== b) assert.notStrictEqual(escape(a), escape(b))
      })
    )
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9]([-a-z0-9.]{0,60}[a-z0-9])?$/), (name) => {
        fc.pre(!/^(con|prn|aux|nul|(com|lpt)[0-9])(\.|$)/.test(name))
        assert.strictEqual(escape(name), name)
      })
    )
  })

  it("what is cut stays different, keeps its extension and fits", () => {
    const long = fc.string({ unit: fc.constantFrom("a", "b", "é", "😀", "%"), minLength: 80, maxLength: 400 })
    fc.assert(
      fc.property(long, long, (a, b) => {
        const [x, y] = [shorten(`${a}.yaml`), shorten(`${b}.yaml`)]
        assert.isAtMost(byteLength(x), 255)
        assert.isTrue(x.endsWith(".yaml") && x.isWellFormed())
        if (a !== b) assert.notStrictEqual(x, y)
      })
    )
  })

  it("refuses by name", () => {
    const refused = [
      "",
      "/etc/passwd",
      "C:/x",
      "C:x",
      "a//b",
      "a/",
      "./a",
      "a/../b",
      "..",
      ".git",
      "a/.gitignore",
      ".Git/config",
      ".g\u200cit/x",
      "GIT~1/x",
      ".cw/manifest.json",
      "a/.CW/x",
      ".cw-0-1.tmp",
      "a\\b",
      "a\nb",
      "con",
      "a/Nul.txt",
      "COM\u00b9",
      "x.",
      "x ",
      "a?b",
      "a:b",
      "x".repeat(256),
      "é".repeat(128),
      "\ud800",
      "\u{e000}"
    ]
    for (const one of refused) assert.isString(problem(one), JSON.stringify(one))
    for (const one of [
      "a",
      "a/b.yaml",
      "_cluster/namespace-x.yaml",
      "b/c-..d.yaml",
      "%3A",
      "zones/db.global",
      "gitea/x",
      "é",
      "日本/x",
      "x".repeat(255),
      ".hidden",
      "console"
    ])
      assert.isUndefined(problem(one), one)
  })

  it("no two paths of a set share a place where letter case or composition do not count", () => {
    const piece = fc.constantFrom("a", "A", "b", "é", "e\u0301", "É", "ß", "SS", "k", "\u212a", "ſ", "s")
    const paths = fc.array(
      fc.array(piece, { minLength: 1, maxLength: 3 }).map((p) => p.join("/")),
      { maxLength: 12 }
    )
    const same = (x: string, y: string) =>
      new Intl.Collator("en", { sensitivity: "accent", usage: "search" }).compare(x, y) === 0
    fc.assert(
      fc.property(paths, (list) => {
        const found = collisions(list)
        const kept = list.filter((one) => !found.has(one))
        for (const [i, one] of kept.entries()) {
          for (const other of kept.slice(i + 1)) {
            for (const form of ["NFC", "NFD"] as const) {
              const [x, y] = [one.normalize(form), other.normalize(form)]
              assert.isFalse(same(x, y) || x.toLowerCase() === y.toLowerCase() || x.toUpperCase() === y.toUpperCase())
            }
            assert.isFalse(fold(one).startsWith(`${fold(other)}/`) || fold(other).startsWith(`${fold(one)}/`))
          }
        }
        if (
          new Set(list.map(fold)).size === list.length &&
          !list.some((x) => list.some((y) => fold(y).startsWith(`${fold(x)}/`)))
        ) {
          assert.strictEqual(found.size, 0)
        }
      })
    )
  })

  it("a set that was emptied again is as new", () => {
    const path = fc.array(fc.constantFrom("a", "B", "c"), { minLength: 1, maxLength: 3 }).map((p) => p.join("/"))
    fc.assert(
      fc.property(fc.array(path), path, (list, one) => {
        const set = new PathSet()
        const inside = list.filter((p) => set.add(p) === undefined)
        for (const p of inside) set.remove(p)
        assert.isUndefined(set.add(one))
      })
    )
  })
})
