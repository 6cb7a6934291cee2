/** Golden output per case. `UPDATE=1 npx vitest run plugins/transform-istio-global-dns` writes it again. */
import * as fs from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { printed, run } from "./Fixture.ts"

const root = fileURLToPath(new URL("./fixtures/", import.meta.url))
const update = process.env.UPDATE === "1"

describe("fixtures", () => {
  for (const name of fs.readdirSync(root).sort()) {
    it(name, () => {
      const folder = path.join(root, name)
      const expected = path.join(folder, "expected")
      const files = printed(run(JSON.parse(fs.readFileSync(path.join(folder, "facts.json"), "utf8"))))
      if (update) {
        fs.rmSync(expected, { recursive: true, force: true })
        fs.mkdirSync(expected, { recursive: true })
        for (const [file, text] of files) fs.writeFileSync(path.join(expected, file), text)
      }
      expect(fs.readdirSync(expected).sort()).toEqual([...files.keys()].sort())
      for (const [file, text] of files) expect(text, file).toBe(fs.readFileSync(path.join(expected, file), "utf8"))
    })
  }
})
