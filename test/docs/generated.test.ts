/** The committed reference pages and tables are what the plugins say today. */
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import { generated, plugins, root } from "./Generated.ts"

describe("generated documentation", () => {
  it("is up to date (npm run docs)", async () => {
    const files = await generated()
    for (const [path, text] of files) assert.equal(readFileSync(join(root, path), "utf8"), text, path)
    const pages = [...files.keys()].filter((f) => f.startsWith("docs/reference/")).sort()
    assert.deepEqual(globSync("docs/reference/*.md", { cwd: root }).sort(), pages)
  })
  it("has a README for every plugin, with the parts people look for", async () => {
    for (const { folder } of await plugins()) {
      const text = readFileSync(join(root, folder, "README.md"), "utf8")
      assert.match(text, /^## What is this\?$/m, folder)
      assert.match(text, /^## When (should|to) /m, folder)
      assert.match(text, /```yaml/, folder)
      assert.isAtMost(text.trimEnd().split("\n").length, 60, `lines of ${folder}/README.md`)
    }
  })
  it("links only to what is there", () => {
    const documents = [
      "README.md",
      "ARCHITECTURE.md",
      "CONTRIBUTING.md",
      ...globSync("{docs,examples,plugins,packages,test}/**/*.md", {
        cwd: root,
        exclude: (f) => f.includes("node_modules")
      })
    ]
    for (const document of documents) {
      const text = readFileSync(join(root, document), "utf8").replace(/```[\s\S]*?```/g, "")
      for (const [, target] of text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
        if (/^[a-z]+:/.test(target!)) continue
        assert.isTrue(
          globSync(join(root, document, "..", target!)).length > 0,
          `${document} links to ${target}, which is not there`
        )
      }
    }
  })
})
