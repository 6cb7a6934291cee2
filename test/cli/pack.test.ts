// The package as users get it: one tarball without dependencies, installed into an empty folder without a network.
import { execFile } from "node:child_process"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { assert, describe, it } from "vitest"
import { cw, deno, folder, root, write } from "./Cw.ts"
import { files } from "./Target.ts"

const run = promisify(execFile)

describe.skipIf(deno)("the package", () => {
  it("is one tarball that installs and runs in an empty folder", { timeout: 180_000 }, async () => {
    const cwd = folder()
    const npm = (args: ReadonlyArray<string>, at: string) =>
      run("npm", args, { cwd: at, env: { ...process.env, npm_config_update_notifier: "false" } })
    await npm(["pack", "--pack-destination", cwd], join(root, "packages/cli"))
    const tarball = readdirSync(cwd).find((name) => name.endsWith(".tgz"))!
    const { stdout } = await run("tar", ["tzf", join(cwd, tarball)])
    const names = stdout
      .trim()
      .split("\n")
      .map((name) => name.replace(/^package\//, ""))
    for (const name of ["package.json", "README.md", "bin/cw.js", "bin/handover.js", "dist/cw.js", "dist/lean.js"])
      assert.include(names, name)
    assert.deepStrictEqual(
      names.filter((name) => !/^(package\.json|README\.md|LICENSE|bin\/|dist\/)/.test(name)),
      []
    )
    assert.strictEqual(names.includes("LICENSE"), existsSync(join(root, "LICENSE")))
    assert.isFalse(existsSync(join(root, "packages/cli/LICENSE")))

    write(cwd, { "package.json": '{"private":true}' })
    await npm(["install", "--offline", "--no-audit", "--no-fund", `./${tarball}`], cwd)
    const installed = JSON.parse(readFileSync(join(cwd, "node_modules/coddiwomple/package.json"), "utf8")) as {
      dependencies?: object
    }
    assert.isEmpty(installed.dependencies ?? {})
    assert.deepStrictEqual(
      readdirSync(join(cwd, "node_modules")).filter((name) => !name.startsWith(".")),
      ["coddiwomple"]
    )

    write(cwd, files())
    const command = [process.execPath, join(cwd, "node_modules/.bin/cw")]
    assert.match((await cw(["--version"], { cwd, command })).stdout, /^cw \d+\.\d+\.\d+\n$/)
    assert.include((await cw(["gen"], { cwd, command })).stdout, 'Service "reviews"')
    const ran = await cw(["run"], { cwd, command })
    assert.strictEqual(ran.code, 0, ran.stderr)
    assert.isTrue(existsSync(join(cwd, "state.json")))
  })
})
