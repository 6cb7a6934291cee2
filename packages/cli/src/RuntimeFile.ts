/**
 * Where a serving cw is and how its owner may talk to it: one file per port, readable by its owner alone, gone when the
 * process ends. `cw status`, `cw tap` and `cw ui --url` find the server through it.
 */
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir, userInfo } from "node:os"
import { join } from "node:path"

export interface Entry {
  readonly url: string
  readonly bearer: string
  readonly pid: number
  readonly pipeline: string
}

/** Fails where somebody else made the folder. */
const folder = (): string => {
  const path = join(process.env.XDG_RUNTIME_DIR || join(tmpdir(), `cw-${userInfo().uid}`), "coddiwomple")
  mkdirSync(path, { recursive: true, mode: 0o700 })
  const { mode, uid } = statSync(path)
  if (process.platform !== "win32" && (uid !== userInfo().uid || (mode & 0o077) !== 0)) {
    if (uid !== userInfo().uid) throw new Error(`${path} belongs to somebody else`)
    chmodSync(path, 0o700)
  }
  return path
}

/** Writes a file that only its owner can read; the result takes it away. */
export const put = (name: string, text: string): { readonly path: string; readonly remove: () => void } => {
  const path = join(folder(), name)
  rmSync(path, { force: true })
  writeFileSync(path, text, { mode: 0o600, flag: "wx" })
  return { path, remove: () => rmSync(path, { force: true }) }
}

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "EPERM"
  }
}

/** Servers that run, newest first. Files of dead ones are taken away. */
export const all = (): ReadonlyArray<Entry> => {
  const path = folder()
  const found = readdirSync(path)
    .filter((name) => /^ui-\d+\.json$/.test(name))
    .flatMap((name) => {
      try {
        const entry = JSON.parse(readFileSync(join(path, name), "utf8")) as Entry
        if (alive(entry.pid)) return [{ entry, at: statSync(join(path, name)).mtimeMs }]
        rmSync(join(path, name), { force: true })
      } catch {
        // Half written or gone: the next look will tell.
      }
      return []
    })
  return found.sort((a, b) => b.at - a.at).map(({ entry }) => entry)
}
