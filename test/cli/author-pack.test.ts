// What authors install from npm: a plugin of `cw new` passes its laws on plain Node, with the packed packages alone.
import { execFileSync } from "node:child_process"
import { mkdirSync, readdirSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import { cw, deno, folder, root } from "./Cw.ts"

describe.skipIf(deno)("@coddiwomple/testing, packed", () => {
  it("runs the laws of a new plugin with node --test, without cw", { timeout: 180_000 }, async () => {
    const cwd = folder()
    const node = (args: ReadonlyArray<string>, at: string) =>
      execFileSync(process.execPath, args, { cwd: at, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })
    const tarballs = node([join(root, "packages/testing/pack.mjs"), cwd], root)
      .trim()
      .split("\n")
    assert.lengthOf(tarballs, 3)
    await cw(["new", "sink", "acme"], { cwd })
    const modules = join(cwd, "acme/node_modules")
    for (const tarball of tarballs) {
      const name = /coddiwomple-([a-z]+)-/.exec(tarball)![1]!
      mkdirSync(join(modules, "@coddiwomple", name), { recursive: true })
      execFileSync("tar", ["xzf", tarball, "--strip-components=1", "-C", join(modules, "@coddiwomple", name)])
      assert.include(readdirSync(join(modules, "@coddiwomple", name, "dist")), "index.d.ts")
    }
    // What npm would fetch beside them.
    const installed = readdirSync(join(root, "node_modules")).filter((n) => !n.startsWith(".") && n !== "@coddiwomple")
    for (const name of installed) symlinkSync(join(root, "node_modules", name), join(modules, name))
    const said = node(["--test", "--test-reporter=tap", "test/**/*.test.ts"], join(cwd, "acme"))
    assert.match(said, /# pass 6\n# fail 0/)
    const types = [
      "--noEmit",
      "--strict",
      "--skipLibCheck",
      "--module",
      "nodenext",
      "--target",
      "es2024",
      "--ignoreConfig"
    ]
    node(
      [
        join(root, "node_modules/typescript/bin/tsc"),
        ...types,
        "--types",
        "node",
        "--allowImportingTsExtensions",
        "src/index.ts",
        "test/laws.test.ts"
      ],
      join(cwd, "acme")
    )
  })
})
