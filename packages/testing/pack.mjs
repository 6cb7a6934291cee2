// What plugin authors install: `@coddiwomple/core`, `config` and `testing` as JavaScript with declarations.
// `node packages/testing/pack.mjs DIR` puts the three tarballs into DIR; `emit` is used by the build of the command too.
import { execFileSync } from "node:child_process"
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../..", import.meta.url))
export const names = ["core", "config", "testing"]

/** Compiles the sources of the packages to `DIR/<name>/src/*.js` and `.d.ts`; declarations alone where told. */
export const emit = (to, { declarationsOnly = false } = {}) => {
  const config = join(root, `packages/testing/.pack-${process.pid}.json`)
  writeFileSync(
    config,
    JSON.stringify({
      extends: "../../tsconfig.json",
      compilerOptions: {
        noEmit: false,
        // `npm run check` looks for mistakes; this only translates.
        noCheck: true,
        declaration: true,
        emitDeclarationOnly: declarationsOnly,
        rewriteRelativeImportExtensions: true,
        rootDir: "..",
        outDir: to
      },
      include: names.map((name) => `../${name}/src`),
      exclude: []
    })
  )
  try {
    execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", config], { stdio: "inherit" })
  } finally {
    rmSync(config, { force: true })
  }
  for (const name of names) {
    for (const file of readdirSync(join(to, name, "src"))) {
      if (!file.endsWith(".d.ts")) continue
      const path = join(to, name, "src", file)
      // Declarations keep the extension of the sources, which are not there.
      writeFileSync(path, readFileSync(path, "utf8").replace(/(["'])(\.\.?\/[^"']+)\.ts\1/g, "$1$2.js$1"))
    }
  }
}

/** Versions of a workspace become ranges, and `effect` the peer that there is only one of. */
const manifest = (name) => {
  const all = JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8"))
  const { effect, ...dependencies } = all.dependencies ?? {}
  return {
    ...all,
    files: ["dist"],
    exports: {
      ".": { types: "./dist/index.d.ts", default: "./dist/index.js" },
      "./*": { types: "./dist/*.d.ts", default: "./dist/*.js" }
    },
    dependencies,
    ...(effect === undefined ? {} : { peerDependencies: { effect: `^${effect}` } }),
    scripts: undefined,
    devDependencies: undefined
  }
}

export const pack = (to) => {
  const work = mkdtempSync(join(tmpdir(), "cw-pack-"))
  try {
    emit(join(work, "out"))
    return names.map((name) => {
      const stage = join(work, name)
      mkdirSync(stage)
      cpSync(join(work, "out", name, "src"), join(stage, "dist"), { recursive: true })
      writeFileSync(join(stage, "package.json"), `${JSON.stringify(manifest(name), undefined, 2)}\n`)
      for (const file of [join(root, "LICENSE"), join(root, "packages", name, "README.md")]) {
        if (existsSync(file)) copyFileSync(file, join(stage, file.split("/").at(-1)))
      }
      const out = execFileSync("npm", ["pack", "--pack-destination", resolve(to)], {
        cwd: stage,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"]
      })
      return join(resolve(to), out.trim().split("\n").at(-1))
    })
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  if (process.argv[2] === undefined) {
    console.error("usage: node packages/testing/pack.mjs DIR")
    process.exit(64)
  }
  mkdirSync(process.argv[2], { recursive: true })
  for (const file of pack(process.argv[2])) console.log(file)
}
