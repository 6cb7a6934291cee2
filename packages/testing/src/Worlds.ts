/** Worlds that most sinks can use: a temporary directory, and standard output. */
import { createHash, randomUUID } from "node:crypto"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import type { Fingerprint, World } from "./Subject.ts"

export interface Directory extends World {
  readonly directory: string
  /** Absolute path of a name in the directory. */
  readonly path: (...names: ReadonlyArray<string>) => string
  readonly write: (name: string, text: string) => void
  readonly read: (name: string) => string
  readonly remove: (name: string) => void
  readonly dispose: () => void
  readonly [Symbol.dispose]: () => void
}

export interface DirectoryOptions {
  /** Names that do not count, as lock files. */
  readonly ignore?: (name: string) => boolean
}

/**
 * A temporary directory. The fingerprint has every file with the digest of its bytes, every empty directory, and every
 * link with where it leads. A foreign thing is a text file.
 */
export const directory = (options: DirectoryOptions = {}): Directory => {
  const root = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), "cw-laws-"))
  const at = (...names: ReadonlyArray<string>) => path.join(root, ...names)
  const write = (name: string, text: string) => {
    fs.mkdirSync(path.dirname(at(name)), { recursive: true })
    fs.writeFileSync(at(name), text)
  }
  const dispose = () => fs.rmSync(root, { recursive: true, force: true })
  return {
    directory: root,
    path: at,
    write,
    read: (name) => fs.readFileSync(at(name), "utf8"),
    remove: (name) => fs.rmSync(at(name), { recursive: true, force: true }),
    reset: () => {
      for (const name of fs.readdirSync(root)) fs.rmSync(at(name), { recursive: true, force: true })
    },
    fingerprint: () => scan(root, options.ignore ?? (() => false)),
    foreign: (name) => {
      const planted = name ?? beside(root, options.ignore ?? (() => false))
      // A directory or a link of ours is not replaced: a stranger's file is meant.
      if (fs.existsSync(at(planted)) && !fs.lstatSync(at(planted)).isFile()) return undefined
      write(planted, `somebody else's ${randomUUID()}\n`)
      return planted
    },
    dispose,
    [Symbol.dispose]: dispose
  }
}

/** A new name in the deepest directory there is, where a careless clean-up is most likely to come by. */
const beside = (root: string, ignore: (name: string) => boolean): string => {
  const folders = (fs.readdirSync(root, { recursive: true, withFileTypes: true }) as Array<fs.Dirent>)
    .filter((entry) => entry.isDirectory())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)).split(path.sep))
    .sort((a, b) => b.length - a.length || (a.join() < b.join() ? -1 : 1))
  const names = [...folders, []].map((folder) => path.posix.join(...folder, "NOTES.txt"))
  return names.find((name) => !ignore(name)) ?? "NOTES.txt"
}

const scan = (root: string, ignore: (name: string) => boolean): Fingerprint => {
  const found = new Map<string, string>()
  const walk = (folder: string) => {
    const entries = fs.readdirSync(path.join(root, folder), { withFileTypes: true })
    if (entries.length === 0 && folder !== "") found.set(`${folder}/`, "empty directory")
    for (const entry of entries) {
      const name = path.posix.join(folder, entry.name)
      if (ignore(name)) continue
      const full = path.join(root, name)
      if (entry.isDirectory()) walk(name)
      else if (entry.isSymbolicLink()) found.set(name, `link to ${fs.readlinkSync(full)}`)
      else found.set(name, createHash("sha256").update(fs.readFileSync(full)).digest("hex"))
    }
  }
  walk("")
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)))
}

export interface Stdout extends World {
  /** What the present process printed. */
  readonly text: () => string
}

/** The standard output of a process: empty when a process begins. Nobody else's things can be in it. */
export const stdout = (): Stdout => {
  const chunks: Array<Uint8Array> = []
  const text = () => Buffer.concat(chunks).toString("utf8")
  const clear = () => {
    chunks.length = 0
  }
  return {
    text,
    host: { stdout: (bytes) => Effect.sync(() => void chunks.push(bytes.slice())) },
    reset: clear,
    restart: clear,
    fingerprint: () => new Map(chunks.length === 0 ? [] : [["standard output", text()]])
  }
}
