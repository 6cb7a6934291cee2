// The dependency rule of ARCHITECTURE.md, checked from what is declared and from what is really imported:
//   core ← config, istio, kubernetes, testing ← plugins ← cli; ui reads core and istio.
// Run by `npm run lint`. Prints every breach at once; exit 1 when there is one.
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { builtinModules } from "node:module"
import { join, relative, resolve } from "node:path"

const root = join(import.meta.dirname, "..")

interface Manifest {
  readonly name: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

const manifest = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")) as Manifest

const folders = ["packages", "plugins"].flatMap((parent) =>
  readdirSync(join(root, parent))
    .map((name) => `${parent}/${name}`)
    .filter((folder) => existsSync(join(root, folder, "package.json")))
    .sort()
)
const owners = new Map(folders.map((folder) => [manifest(folder).name, folder]))

const middle = ["packages/config", "packages/istio", "packages/kubernetes", "packages/testing"]
const below = (folder: string): ReadonlyArray<string> => {
  if (folder === "packages/core") return []
  if (middle.includes(folder)) return ["packages/core"]
  if (folder === "packages/ui") return ["packages/core", "packages/istio"]
  if (folder === "packages/cli") return folders
  return ["packages/core", ...middle]
}

/** Packages that only one folder may import in its sources. */
const reserved = new Map([
  ["@effect/platform-node", "packages/cli"],
  ["@kubernetes/client-node", "packages/kubernetes"]
])

const specifiers = (text: string): ReadonlyArray<{ readonly name: string; readonly typeOnly: boolean }> => {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "")
  const statement =
    /^\s*(import|export)\s+(type\s)?[^"'`;]*?from\s+["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)|^\s*import\s+["']([^"']+)["']/gm
  return [...code.matchAll(statement)].map((m) => ({ name: (m[3] ?? m[4] ?? m[5])!, typeOnly: m[2] !== undefined }))
}

const packageOf = (specifier: string): string =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/")

const sources = (folder: string): ReadonlyArray<string> =>
  existsSync(join(root, folder))
    ? readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
        .filter((path) => /\.tsx?$/.test(path) && !path.includes("node_modules"))
        .map((path) => join(folder, path))
        .sort()
    : []

const breaches: Array<string> = []
const rootDev = Object.keys(manifest(".").devDependencies ?? {})

const checkFile = (folder: string, file: string, own: Manifest, test: boolean): void => {
  const declared = new Set([
    own.name,
    ...Object.keys({ ...own.dependencies, ...own.peerDependencies, ...own.devDependencies }),
    ...(test ? rootDev : [])
  ])
  // Test tools, the parser that is the oracle, and what core brings along need no second declaration.
  if (test) for (const name of ["effect", "@effect/platform-node", "@coddiwomple/testing", "yaml"]) declared.add(name)
  const allowed = new Set([folder, ...below(folder), ...(test ? ["packages/testing"] : [])])
  const tell = (what: string) => breaches.push(`${file}: ${what}`)
  for (const { name, typeOnly } of specifiers(readFileSync(join(root, file), "utf8"))) {
    if (name.startsWith(".")) {
      if (relative(join(root, folder), resolve(root, file, "..", name)).startsWith("..") && !test)
        tell(`"${name}" leaves the package`)
      continue
    }
    if (name.startsWith("node:") || builtinModules.includes(name)) {
      if (!name.startsWith("node:")) tell(`"${name}": write "node:${name}"`)
      if ((folder === "packages/core" || folder === "packages/istio") && !test)
        tell(`"${name}": ${folder} is free of Node`)
      continue
    }
    if (name.startsWith("virtual:") || name.startsWith("cw-")) continue
    const wanted = packageOf(name)
    const owner = owners.get(wanted)
    if (owner !== undefined && !allowed.has(owner)) tell(`${folder} must not import ${wanted}`)
    // What is written into an author's folder is written as an author would.
    const scaffold = file.startsWith("packages/cli/src/scaffold/")
    if (name === "effect" && !test && !scaffold && file !== "packages/cli/src/Shared.ts")
      tell(`import modules, as "effect/Effect", not the barrel "effect"`)
    const only = reserved.get(wanted)
    if (only !== undefined && only !== folder && !test && !typeOnly) tell(`only ${only} imports ${wanted}`)
    if (!declared.has(wanted) && wanted !== "effect") tell(`${wanted} is not declared in ${folder}/package.json`)
  }
}

for (const folder of folders) {
  const own = manifest(folder)
  for (const name of Object.keys({ ...own.dependencies, ...own.peerDependencies })) {
    const owner = owners.get(name)
    if (owner !== undefined && !below(folder).includes(owner))
      breaches.push(`${folder}/package.json: must not depend on ${name}`)
  }
  for (const file of sources(`${folder}/src`)) checkFile(folder, file, own, false)
  for (const file of sources(`${folder}/test`)) checkFile(folder, file, own, true)
}

const architecture = existsSync(join(root, "ARCHITECTURE.md"))
  ? readFileSync(join(root, "ARCHITECTURE.md"), "utf8")
  : ""
const external = new Set(
  [".", ...folders].flatMap((folder) => {
    const { dependencies, peerDependencies, devDependencies } = manifest(folder)
    return Object.keys({ ...dependencies, ...peerDependencies, ...devDependencies }).filter((name) => !owners.has(name))
  })
)
for (const name of [...external].sort()) {
  if (!architecture.includes(`\`${name}\``))
    breaches.push(`ARCHITECTURE.md: does not say why \`${name}\` is a dependency`)
}

for (const breach of breaches) console.error(breach)
if (breaches.length > 0) {
  console.error(`boundaries: ${breaches.length} breaches`)
  process.exitCode = 1
}
