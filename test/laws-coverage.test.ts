/** Every plugin of this repository runs every law of its kind, and every law is explained. */
import { laws, lawsOf, titles } from "@coddiwomple/testing"
import * as fs from "node:fs"
import * as path from "node:path"
import { describe, expect, it } from "vitest"

const root = path.resolve(import.meta.dirname, "..")
const plugins = fs
  .readdirSync(path.join(root, "plugins"))
  .filter((name) => fs.existsSync(path.join(root, "plugins", name, "src", "index.ts")))

/** Modules of a plugin folder that export a plugin; `exec` has one for each kind. */
const made = (name: string): ReadonlyArray<string> => {
  const folder = path.join(root, "plugins", name, "src")
  const exports = (file: string) =>
    /^export default (Source|Transform|Check|Sink)\.make\b/m.test(fs.readFileSync(path.join(folder, file), "utf8"))
  return fs.readdirSync(folder).filter((file) => file === "index.ts" || (file.endsWith(".ts") && exports(file)))
}

describe("laws", () => {
  it("there are plugins", () => expect(plugins.length).toBeGreaterThan(0))

  // `laws` itself leaves none out (below); a test may decline one by `without`, with the reason in its title.
  it.each(plugins)("%s runs its laws", (name) => {
    const kind = name.slice(0, name.indexOf("-"))
    expect(Object.keys(lawsOf)).toContain(kind)
    const file = path.join(root, "plugins", name, "test", "laws.test.ts")
    expect(fs.existsSync(file), `${name} has no test/laws.test.ts`).toBe(true)
    const text = fs.readFileSync(file, "utf8")
    expect(text).toMatch(/import (\{[^}]*\blaws\b[^}]*\}) from "@coddiwomple\/testing"/)
    for (const module of made(name)) expect(text).toContain(`from "../src/${module}"`)
    expect(text).toMatch(/\bfor \(const law of laws\(/)
    expect(text).toMatch(/\blaw\.run\b/)
    expect(text, "no law is left out").not.toMatch(
      /\b(it|test|describe)\.(skip|only|todo|skipIf|runIf)\b|\blaw\.name ?[!=]/
    )
  })

  it.each(Object.entries(lawsOf))("of the kind %s are all there", (kind, names) => {
    const plugin = { "~cw/Plugin/v1": kind, type: "x", summary: "x", config: undefined, make: undefined }
    expect(laws({ plugin } as unknown as Parameters<typeof laws>[0]).map((l) => l.name)).toEqual(names)
  })

  it("each has its section in docs/laws.md", () => {
    const text = fs.readFileSync(path.join(root, "docs", "laws.md"), "utf8")
    const sections = text.split(/^### /m).slice(1)
    expect(sections.map((s) => s.slice(0, 2)).sort()).toEqual(Object.keys(titles).sort())
    for (const section of sections) {
      const title = titles[section.slice(0, 2) as keyof typeof titles].toLowerCase()
      expect(section.toLowerCase().replaceAll("\n", " ")).toContain(`*${title}.*`)
      expect(section).toMatch(/Demands: [\s\S]*Protects from: /)
    }
  })

  it("the library knows no test runner", () => {
    const folder = path.join(root, "packages", "testing", "src")
    for (const name of fs.readdirSync(folder)) {
      expect(fs.readFileSync(path.join(folder, name), "utf8"), name).not.toMatch(
        /from "(vitest|node:test|@effect\/vitest)"/
      )
    }
  })
})
