/**
 * `.cw/tsconfig.json`: where editors and tsc find the types of effect and @coddiwomple/*, in the cw that is installed.
 * Written by `cw new`, and anew by `cw test` where a tsconfig.json extends it: it names a place of this machine.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"

const home = (): string | undefined => {
  for (let folder = import.meta.dirname; dirname(folder) !== folder; folder = dirname(folder)) {
    const manifest = join(folder, "package.json")
    if (existsSync(manifest) && /"name": *"coddiwomple"/.test(readFileSync(manifest, "utf8"))) return folder
  }
  return undefined
}

type Paths = Readonly<Record<string, ReadonlyArray<string>>>

interface Types {
  readonly paths: Paths
  /** Where the types of Node are, in a checkout. */
  readonly roots?: string
}

/** Of the package as it is published, else of the checkout it was built in. */
const types = (): Types => {
  const cw = home()
  if (cw === undefined) return { paths: {} }
  const published = join(cw, "dist/types")
  if (existsSync(published)) {
    return { paths: paths(join(published, "effect"), published, "", ".d.ts", join(published, "NodeServices.d.ts")) }
  }
  const modules = join(cw, "../../node_modules")
  if (!existsSync(modules)) return { paths: {} }
  const services = join(modules, "@effect/platform-node/dist/NodeServices.d.ts")
  return {
    paths: paths(join(modules, "effect/dist"), join(cw, ".."), "src", ".ts", services),
    roots: join(modules, "@types")
  }
}

const paths = (effect: string, packages: string, sources: string, extension: string, services: string): Paths =>
  Object.fromEntries([
    ["effect", [join(effect, "index.d.ts")]],
    ...["process", "http"].map((part) => [`effect/${part}`, [join(effect, part, "index.d.ts")]]),
    ["effect/*", [join(effect, "*.d.ts")]],
    ...["core", "config", "testing"].flatMap((name) => [
      [`@coddiwomple/${name}`, [join(packages, name, sources, `index${extension}`)]],
      [`@coddiwomple/${name}/*`, [join(packages, name, sources, `*${extension}`)]]
    ]),
    ["@effect/platform-node/NodeServices", [services]]
  ]) as Paths

const text = (): string => {
  const { paths, roots } = types()
  const compilerOptions = {
    target: "ES2024",
    lib: ["ES2024", "ESNext.Disposable", "DOM"],
    module: "NodeNext",
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    skipLibCheck: true,
    verbatimModuleSyntax: true,
    erasableSyntaxOnly: true,
    allowImportingTsExtensions: true,
    ...(roots === undefined ? {} : { types: ["node"], typeRoots: [roots] }),
    paths
  }
  return `${JSON.stringify({ compilerOptions, files: ["./node.d.ts"] }, undefined, 2)}\n`
}

const node = `// Stands in for @types/node where that is not installed.
declare module "node:*"
`

/** Writes it into `folder`, when it differs. */
export const write = (folder: string): void => {
  const at = join(folder, ".cw")
  mkdirSync(at, { recursive: true })
  for (const [name, content] of [
    ["tsconfig.json", text()],
    ["node.d.ts", node]
  ] as const) {
    const file = join(at, name)
    if (!existsSync(file) || readFileSync(file, "utf8") !== content) writeFileSync(file, content)
  }
}

/** Writes it where the folder's tsconfig.json asks for it. */
export const refresh = (folder: string): void => {
  const file = join(folder, "tsconfig.json")
  if (existsSync(file) && readFileSync(file, "utf8").includes('"./.cw/tsconfig.json"')) write(folder)
}
