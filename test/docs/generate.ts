// `npm run docs`: writes the generated documentation.
import { globSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { generated, root } from "./Generated.ts"

const files = await generated()
for (const old of globSync("docs/reference/*.md", { cwd: root })) if (!files.has(old)) rmSync(join(root, old))
for (const [path, text] of files) {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}
process.stderr.write(`${files.size} files written\n`)
