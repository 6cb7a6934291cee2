// Bundles the CLI into dist/: `node packages/cli/build.mjs [--strict]`, called by `npm ci` (prepare), `npm run build`
// and `npm pack`. Two bundles: cw.js with chunks for what a command loads lazily, and lean.js with its own,
// because code that is shared with the chunk for plugins (the whole of effect) cannot be shaken.
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { builtinModules } from "node:module"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"

const here = fileURLToPath(new URL(".", import.meta.url))
const dist = join(here, "dist")
const license = join(here, "LICENSE")
const strict = process.argv.includes("--strict")

if (process.argv.includes("--clean")) {
  rmSync(license, { force: true })
  rmSync(join(dist, "types"), { recursive: true, force: true })
  process.exit(0)
}

const { version } = JSON.parse(readFileSync(join(here, "package.json"), "utf8"))
const { build } = await import("esbuild")

/** A part of the workspace that is not there becomes a module that says so when it is loaded. */
const missing = new Set()
const workspace = {
  name: "workspace",
  setup(b) {
    b.onResolve({ filter: /^@coddiwomple\// }, async (args) => {
      if (args.pluginData === workspace) return undefined
      const found = await b.resolve(args.path, { kind: args.kind, resolveDir: args.resolveDir, pluginData: workspace })
      if (found.errors.length === 0) return found
      missing.add(args.path)
      return { path: args.path, namespace: "missing" }
    })
    b.onLoad({ filter: /.*/, namespace: "missing" }, (args) => ({
      contents: `module.exports = undefined; throw new Error(${JSON.stringify(`${args.path} is not part of this build`)})`
    }))
  }
}

/** The lean bundle stands beside the other, not in it. */
const lean = {
  name: "lean",
  setup: (b) => b.onResolve({ filter: /^\.\/lean\.ts$/ }, () => ({ path: "./lean.js", external: true }))
}

/** What plugins may import of core: all of it. */
const coreModules = {
  name: "core-modules",
  setup(b) {
    b.onLoad({ filter: /CoreModules\.ts$/ }, ({ path }) => {
      const names = readdirSync(join(here, "../core/src"))
        .filter((name) => name.endsWith(".ts") && name !== "index.ts")
        .map((name) => `@coddiwomple/core/${name.slice(0, -3)}`)
      const imports = names.map((name, i) => `import * as m${i} from ${JSON.stringify(name)}`)
      const entries = names.map((name, i) => `${JSON.stringify(name)}: m${i}`)
      return {
        contents: `${imports.join("\n")}\nexport const coreModules = { ${entries.join(", ")} }`,
        loader: "js",
        resolveDir: dirname(path)
      }
    })
  }
}

/** The file system of the platform names temporary files by node:crypto: several milliseconds that few commands need. */
const lazyCrypto = {
  name: "lazy-crypto",
  setup(b) {
    b.onResolve({ filter: /^node:crypto$/ }, ({ importer }) =>
      importer.includes("platform-node-shared") ? { path: "crypto", namespace: "lazy" } : undefined
    )
    b.onLoad({ filter: /.*/, namespace: "lazy" }, () => ({
      contents: 'export const randomBytes = (size) => process.getBuiltinModule("node:crypto").randomBytes(size)'
    }))
  }
}

const options = {
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node22",
  minify: true,
  legalComments: "none",
  logLevel: "error",
  outdir: dist,
  metafile: true,
  write: false,
  // The CommonJS form of yaml has no named exports when it is loaded lazily; this is the same library as ES modules.
  alias: { yaml: join(here, "../../node_modules/yaml/browser/index.js") },
  define: { CW_VERSION: JSON.stringify(version), CW_BUNDLED: "true" },
  banner: {
    // CommonJS packages inside an ES module still ask for `require`.
    js: 'import { createRequire as cwCreateRequire } from "node:module"; const require = cwCreateRequire(import.meta.url);'
  },
  external: [...builtinModules, ...builtinModules.map((name) => `node:${name}`)]
}

/** The page of `cw ui`: nothing is loaded from elsewhere, names tell contents, the merge view is a chunk of its own. */
const page = async () => {
  const app = join(here, "../ui/src/app")
  const built = await build({
    entryPoints: { app: join(app, "main.tsx"), style: join(app, "app.css") },
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "browser",
    target: ["chrome123", "firefox120", "safari17.5"],
    minify: true,
    jsx: "automatic",
    legalComments: "none",
    logLevel: "error",
    metafile: true,
    write: false,
    outdir: join(dist, "ui/assets"),
    entryNames: "[name]-[hash]",
    chunkNames: "[name]-[hash]",
    define: { "process.env.NODE_ENV": '"production"' }
  })
  const named = (start, end) =>
    built.outputFiles
      .map(({ path }) => path.split(/[\\/]/).at(-1))
      .find((name) => name.startsWith(start) && name.endsWith(end))
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>cw</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/${named("style", ".css")}">
<script type="module" src="/assets/${named("app", ".js")}"></script>
</head>
<body><div id="root"></div><noscript>cw ui needs JavaScript.</noscript></body>
</html>
`
  return {
    ...built,
    outputFiles: [...built.outputFiles, { path: join(dist, "ui/index.html"), contents: Buffer.from(html) }]
  }
}

const bundles = await Promise.all([
  page(),
  build({
    ...options,
    entryPoints: { cw: join(here, "src/bin.ts") },
    splitting: true,
    chunkNames: "chunks/[name]-[hash]",
    plugins: [workspace, coreModules, lazyCrypto, lean]
  }),
  build({
    ...options,
    entryPoints: { lean: join(here, "src/lean.ts") },
    splitting: true,
    chunkNames: "lean/[name]-[hash]",
    plugins: [workspace, lazyCrypto]
  })
])

if (missing.size > 0) {
  console.error(`cw build: left out, not there yet: ${[...missing].sort().join(", ")}`)
  if (strict) process.exit(1)
}
if (process.env.CW_METAFILE) {
  bundles.forEach((bundle, i) => writeFileSync(`${process.env.CW_METAFILE}.${i}.json`, JSON.stringify(bundle.metafile)))
}

// What editors and tsc need for plugins of users, as `cw new` makes them: only in the package, because it takes a while.
if (strict) {
  const { emit, names } = await import("../testing/pack.mjs")
  const types = join(dist, "types")
  rmSync(types, { recursive: true, force: true })
  const work = join(dist, "types-work")
  emit(work, { declarationsOnly: true })
  for (const name of names) cpSync(join(work, name, "src"), join(types, name), { recursive: true })
  rmSync(work, { recursive: true, force: true })
  const effect = join(here, "../../node_modules/effect/dist")
  for (const name of readdirSync(effect, { recursive: true })) {
    if (!name.endsWith(".d.ts")) continue
    const to = join(types, "effect", name)
    mkdirSync(dirname(to), { recursive: true })
    // Comments are four fifths of it.
    writeFileSync(to, readFileSync(join(effect, name), "utf8").replace(/^\s*\/\*\*[\s\S]*?\*\/\n/gm, ""))
  }
  writeFileSync(
    join(types, "NodeServices.d.ts"),
    `import type { FileSystem } from "effect/FileSystem"
import type { Layer } from "effect/Layer"
import type { Path } from "effect/Path"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
export declare const layer: Layer<FileSystem | Path | ChildProcessSpawner>
`
  )
}

// Whoever runs cw meanwhile must not meet half a build: chunks first (their names tell their contents), entries last.
const files = bundles.flatMap((bundle) => bundle.outputFiles).sort((a, b) => b.path.length - a.path.length)
for (const { contents, path } of files) {
  if (existsSync(path) && readFileSync(path).equals(contents)) continue
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(`${path}.${process.pid}`, contents)
  renameSync(`${path}.${process.pid}`, path)
}
const made = new Set(files.map(({ path }) => relative(dist, path)))
for (const path of readdirSync(dist, { recursive: true })) {
  if (/\.(js|css)$/.test(path) && !made.has(path)) rmSync(join(dist, path), { force: true })
}
const rootLicense = join(here, "../../LICENSE")
if (strict && existsSync(rootLicense)) copyFileSync(rootLicense, license)
