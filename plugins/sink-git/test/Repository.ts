/** Real repositories for tests: bare ones on disk, hooks in them, and people who commit to them. */
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"

const env = {
  ...process.env,
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_AUTHOR_NAME: "Ada",
  GIT_AUTHOR_EMAIL: "ada@example.com",
  GIT_COMMITTER_NAME: "Ada",
  GIT_COMMITTER_EMAIL: "ada@example.com",
  GIT_AUTHOR_DATE: "1700000000 +0000",
  GIT_COMMITTER_DATE: "1700000000 +0000"
}

export const temporary = (): string => fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), "cw-git-test-"))

export class Repository implements Disposable {
  /** Holds the repository and whatever a test needs beside it. */
  readonly home: string
  readonly dir: string

  constructor(options: { readonly filter?: boolean } = {}) {
    this.home = temporary()
    this.dir = path.join(this.home, "fleet.git")
    this.make(options.filter ?? true)
  }

  make(filter = true): void {
    fs.rmSync(this.dir, { recursive: true, force: true })
    execFileSync("git", ["init", "-q", "--bare", "-b", "main", this.dir], { env })
    if (filter) this.git("config", "uploadpack.allowFilter", "true")
    this.git("config", "http.receivepack", "true")
    // A server that is told to check objects refuses what is malformed.
    this.git("config", "receive.fsckObjects", "true")
  }

  git(...args: ReadonlyArray<string>): string {
    return execFileSync("git", [`--git-dir=${this.dir}`, ...args], {
      env,
      encoding: "utf8",
      stdio: ["pipe", "pipe", "ignore"]
    }).trimEnd()
  }

  /** Somebody commits: path → text, or undefined to remove it. */
  commit(
    changes: Readonly<Record<string, string | undefined>>,
    branch = "main",
    who = "Ada <ada@example.com>"
  ): string {
    const [, name, email] = /^(.*) <(.*)>$/.exec(who)!
    const index = path.join(this.home, `index-${Math.random()}`)
    const extra = {
      ...env,
      GIT_INDEX_FILE: index,
      GIT_AUTHOR_NAME: name,
      GIT_AUTHOR_EMAIL: email,
      GIT_COMMITTER_NAME: name,
      GIT_COMMITTER_EMAIL: email
    }
    const run = (args: ReadonlyArray<string>, input?: string) =>
      execFileSync("git", [`--git-dir=${this.dir}`, ...args], {
        env: extra,
        encoding: "utf8",
        ...(input === undefined ? {} : { input })
      }).trimEnd()
    const parent = this.tip(branch)
    if (parent !== undefined) run(["read-tree", parent])
    for (const [file, text] of Object.entries(changes)) {
      if (text === undefined) run(["update-index", "--index-info"], `0 ${"0".repeat(40)}\t${file}\n`)
      else
        run(["update-index", "--add", "--cacheinfo", `100644,${run(["hash-object", "-w", "--stdin"], text)},${file}`])
    }
    const id = run([
      "commit-tree",
      run(["write-tree"]),
      ...(parent === undefined ? [] : ["-p", parent]),
      "-m",
      "by hand"
    ])
    run(["update-ref", `refs/heads/${branch}`, id])
    fs.rmSync(index, { force: true })
    return id
  }

  tip(branch = "main"): string | undefined {
    try {
      return this.git("rev-parse", "--verify", "-q", `refs/heads/${branch}^{commit}`)
    } catch {
      return undefined
    }
  }

  /** Path → blob id. */
  tree(branch = "main"): ReadonlyMap<string, string> {
    if (this.tip(branch) === undefined) return new Map()
    const lines = this.git("ls-tree", "-r", branch).split("\n")
    return new Map(lines.filter((l) => l !== "").map((l) => [l.split("\t")[1]!, l.split(/[ \t]/)[2]!]))
  }

  read(file: string, branch = "main"): string {
    return execFileSync("git", [`--git-dir=${this.dir}`, "show", `${branch}:${file}`], { env, encoding: "utf8" })
  }

  commits(branch = "main"): number {
    return this.tip(branch) === undefined ? 0 : Number(this.git("rev-list", "--count", branch))
  }

  hook(name: string, script: string | undefined): void {
    const file = path.join(this.dir, "hooks", name)
    if (script === undefined) fs.rmSync(file, { force: true })
    else fs.writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  }

  [Symbol.dispose](): void {
    fs.rmSync(this.home, { recursive: true, force: true })
  }
}

/** Shell scripts that stand before the real programs; `$real` is the one behind. Until it is disposed. */
export const programs = (home: string, scripts: Readonly<Record<string, string>>): Disposable => {
  const bin = fs.mkdtempSync(path.join(home, "bin-"))
  const before = process.env["PATH"]
  for (const [name, script] of Object.entries(scripts)) {
    const real = execFileSync("sh", ["-c", `command -v ${name} || true`], { encoding: "utf8" }).trim()
    fs.writeFileSync(path.join(bin, name), `#!/bin/sh\nreal=${real}\n${script}\n`, { mode: 0o755 })
  }
  process.env["PATH"] = `${bin}:${before}`
  return {
    [Symbol.dispose]: () => {
      process.env["PATH"] = before
    }
  }
}
