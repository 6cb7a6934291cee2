// Where the real parts are. `ensure` makes what is missing, once per machine; `locate` only looks, so that running the
// tests never starts to compile Kubernetes. A part that cannot be had is a value with its reason, not an exception.
// A folder appears by one rename when it is complete: whoever sees it can use it.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import { BuildError, build } from "./Build.ts"
import { withLock } from "./Lock.ts"
import { digest, type FileName, type PartName, type Recipe, recipes } from "./Recipes.ts"

export interface Ready<N extends PartName> {
  readonly ready: true
  readonly name: N
  readonly version: string
  readonly dir: string
  readonly files: Readonly<Record<FileName<N>, string>>
}
export interface Missing<N extends PartName> {
  readonly ready: false
  readonly name: N
  readonly version: string
  readonly reason: string
}
export type Part<N extends PartName> = Ready<N> | Missing<N>

export const root = (): string => {
  const cache = process.env.CW_PARTS_CACHE || process.env.XDG_CACHE_HOME || join(homedir(), ".cache")
  return join(cache, "coddiwomple", "parts")
}

const folder = (name: PartName): string => join(root(), `${name}-${recipes[name].version}-${digest(name)}`)

const log = (line: string): void => void process.stderr.write(`parts: ${line}\n`)

const missing = <N extends PartName>(name: N, reason: string): Missing<N> => ({
  ready: false,
  name,
  version: recipes[name].version,
  reason
})

const ready = <N extends PartName>(name: N, version: string, dir: string, path: (file: string) => string): Ready<N> => {
  const entries = Object.entries(recipes[name].files).map(([file, place]) => [file, path(place)])
  return { ready: true, name, version, dir, files: Object.fromEntries(entries) as Record<FileName<N>, string> }
}

/** What the part's user has brought along: an envtest folder is flat and holds the bare programs. */
const fromEnvtest = <N extends PartName>(name: N): Part<N> | undefined => {
  const assets = process.env.KUBEBUILDER_ASSETS
  const recipe: Recipe = recipes[name]
  if (!assets || recipe.envtest === undefined) return undefined
  const part = ready(name, "envtest", assets, (place) => join(assets, place.replace("bin/", "")))
  const absent = Object.values<string>(part.files).find((file) => !existsSync(file))
  return absent === undefined ? part : missing(name, `KUBEBUILDER_ASSETS is set, but there is no ${absent}`)
}

export const locate = <N extends PartName>(name: N): Part<N> => {
  const brought = fromEnvtest(name)
  if (brought !== undefined) return brought
  const dir = folder(name)
  return existsSync(dir)
    ? ready(name, recipes[name].version, dir, (place) => join(dir, place))
    : missing(name, `not built yet: run \`node test/parts/bin.ts ensure ${name}\``)
}

const make = async (name: PartName): Promise<void> => {
  const { version, minutes } = recipes[name]
  const expectation = minutes === 0 ? "seconds" : `about ${minutes} minutes on two idle cores`
  // Under the lock no other builder runs: what lies about is what a killed one left.
  for (const left of readdirSync(root()).filter((each) => each.startsWith(".making-"))) {
    rmSync(join(root(), left), { recursive: true, force: true })
  }
  const temporary = mkdtempSync(join(root(), `.making-${name}-`))
  try {
    log(`${name} ${version}: building (${expectation}, once per machine)`)
    await build(recipes[name], temporary, (line) => log(`${name} ${version}: ${line}`))
    rmSync(join(temporary, "wheel"), { recursive: true, force: true })
    renameSync(temporary, folder(name))
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
}

export const ensure = async <N extends PartName>(name: N): Promise<Part<N>> => {
  const found = locate(name)
  if (found.ready || fromEnvtest(name) !== undefined) return found
  try {
    mkdirSync(root(), { recursive: true })
    const waiting = (pid: number) => log(`${name}: waiting for the build by process ${pid}`)
    await withLock(join(root(), "lock"), waiting, async () => {
      if (!locate(name).ready) await make(name)
    })
    return locate(name)
  } catch (error) {
    if (error instanceof BuildError) return missing(name, error.message)
    throw error
  }
}

/** The files of a part that must be there: for the code that starts it. */
export const files = <N extends PartName>(name: N): Ready<N>["files"] => {
  const part = locate(name)
  if (!part.ready) throw new Error(`the real part "${name}" is missing: ${part.reason}`)
  return part.files
}

/**
 * For `describe.skipIf`: true, with a line that says why, when one of these parts is missing. In CI it is always false:
 * there the tests run and fail, because a suite that skips itself proves nothing.
 */
export const lacking = (...names: ReadonlyArray<PartName>): boolean => {
  if (process.env.CI) return false
  const absent = names.map((name) => locate(name)).filter((part) => !part.ready)
  for (const part of absent) log(`tests skipped, ${part.name} is missing: ${part.reason}`)
  return absent.length > 0
}
