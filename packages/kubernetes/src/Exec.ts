/**
 * One run of a credential plugin, as client-go runs them: KUBERNETES_EXEC_INFO, relative commands beside the kubeconfig,
 * and here also a time limit. What the plugin prints is never shown; of its errors a harmless line.
 */
import { spawn } from "node:child_process"
import { isAbsolute, join } from "node:path"
import * as Effect from "effect/Effect"
import { ApiError } from "./ApiError.ts"
import { harmless } from "./Harmless.ts"

type Raw = Readonly<Record<string, unknown>>

export interface ExecCredential {
  readonly token?: string
  readonly cert?: Buffer
  readonly key?: Buffer
  /** Milliseconds since the epoch. */
  readonly expires?: number
}

const versions = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"]

const fail = (message: string): ApiError => new ApiError({ reason: "Credentials", message })

const clusterInfo = (cluster: Raw): Raw => {
  const extensions = Array.isArray(cluster.extensions) ? (cluster.extensions as ReadonlyArray<Raw>) : []
  const config = extensions.find((e) => e?.name === "client.authentication.k8s.io/exec")?.extension
  const { extensions: _, "certificate-authority": _file, ...rest } = cluster
  return { ...rest, ...(config === undefined ? {} : { config }) }
}

const environment = (exec: Raw): Record<string, string> => {
  const entries = Array.isArray(exec.env) ? (exec.env as ReadonlyArray<{ name?: unknown; value?: unknown }>) : []
  return Object.fromEntries(
    entries
      .filter((e) => typeof e?.name === "string" && typeof e.value === "string")
      .map((e) => [e.name as string, e.value as string])
  )
}

interface Output {
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

const tooMuch = 1024 * 1024

const runProcess = (
  command: string,
  args: ReadonlyArray<string>,
  env: NodeJS.ProcessEnv
): Effect.Effect<Output, NodeJS.ErrnoException> =>
  Effect.callback<Output, NodeJS.ErrnoException>((resume) => {
    // A group of its own, so that a wrapper script's children end with it.
    const child = spawn(command, args, {
      env,
      stdio: ["ignore", "pipe", "pipe"],
      detached: process.platform !== "win32"
    })
    let stdout = ""
    let stderr = ""
    const end = () => {
      try {
        if (child.pid !== undefined) process.kill(process.platform === "win32" ? child.pid : -child.pid, "SIGKILL")
      } catch {
        child.kill("SIGKILL")
      }
      child.stdout.destroy()
      child.stderr.destroy()
    }
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      stdout += chunk
      if (stdout.length > tooMuch) {
        end()
        resume(Effect.fail(Object.assign(new Error(`it printed more than ${tooMuch} bytes`), { code: "TOOMUCH" })))
      }
    })
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      stderr = (stderr + chunk).slice(-8192)
    })
    child.once("error", (error) => resume(Effect.fail(error)))
    child.once("close", (code, signal) => resume(Effect.succeed({ code, signal, stdout, stderr })))
    return Effect.sync(end)
  })

const lastLine = (text: string): string => text.trim().split("\n").at(-1) ?? ""

const credentialIn = (name: string, wanted: string, stdout: string): Effect.Effect<ExecCredential, ApiError> => {
  let parsed: Raw
  try {
    parsed = JSON.parse(stdout) as Raw
  } catch {
    const what = stdout.trim() === "" ? "nothing" : "something that is no JSON"
    return Effect.fail(fail(`exec plugin ${name} printed ${what}; an ExecCredential was expected`))
  }
  if (typeof parsed !== "object" || parsed === null || parsed.kind !== "ExecCredential") {
    return Effect.fail(fail(`exec plugin ${name} printed JSON that is no ExecCredential`))
  }
  if (parsed.apiVersion !== wanted) {
    return Effect.fail(
      fail(`exec plugin ${name} answers in ${harmless(String(parsed.apiVersion))}, the kubeconfig wants ${wanted}`)
    )
  }
  const status = (parsed.status ?? {}) as Raw
  const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined)
  const [token, cert, key] = [
    text(status.token)?.trim(),
    text(status.clientCertificateData),
    text(status.clientKeyData)
  ]
  if (token === undefined && (cert === undefined || key === undefined)) {
    return Effect.fail(fail(`exec plugin ${name} gave neither a token nor a certificate with its key`))
  }
  if (token !== undefined && /[^\u0021-\u007e]/.test(token)) {
    return Effect.fail(fail(`exec plugin ${name} gave a token that cannot be sent in a header`))
  }
  const expires =
    text(status.expirationTimestamp) === undefined ? Number.NaN : Date.parse(status.expirationTimestamp as string)
  return Effect.succeed({
    ...(token === undefined ? {} : { token }),
    ...(cert === undefined || key === undefined ? {} : { cert: Buffer.from(cert), key: Buffer.from(key) }),
    ...(Number.isNaN(expires) ? {} : { expires })
  })
}

export const run = (
  exec: Raw,
  directory: string,
  cluster: Raw,
  limitMs = 60_000
): Effect.Effect<ExecCredential, ApiError> =>
  Effect.suspend(() => {
    const command = String(exec.command)
    const relative = /[/\\]/.test(command) && !isAbsolute(command)
    const program = relative ? join(directory, command) : command
    const name = JSON.stringify(command)
    const version = String(exec.apiVersion)
    if (!versions.includes(version)) {
      return Effect.fail(fail(`exec plugin ${name} has apiVersion ${harmless(version)}; known: ${versions.join(", ")}`))
    }
    const info = {
      apiVersion: version,
      kind: "ExecCredential",
      spec: { interactive: false, ...(exec.provideClusterInfo === true ? { cluster: clusterInfo(cluster) } : {}) }
    }
    const own = environment(exec)
    const args = Array.isArray(exec.args) ? exec.args.map(String) : []
    const env = { ...process.env, ...own, KUBERNETES_EXEC_INFO: JSON.stringify(info) }
    return runProcess(program, args, env).pipe(
      Effect.mapError((cause) => {
        const hint = typeof exec.installHint === "string" ? `; ${harmless(exec.installHint)}` : ""
        if (cause.code === "ENOENT") return fail(`exec plugin ${name} is not installed${hint}`)
        if (cause.code === "EACCES") return fail(`exec plugin ${name} is not executable`)
        return fail(`exec plugin ${name} cannot run: ${harmless(cause.message)}`)
      }),
      Effect.timeoutOrElse({
        duration: limitMs,
        orElse: () => Effect.fail(fail(`exec plugin ${name} did not finish within ${Math.round(limitMs / 1000)} s`))
      }),
      Effect.flatMap((output) => {
        if (output.code === 0) return credentialIn(name, version, output.stdout)
        const how = output.code === null ? `was ended by ${output.signal}` : `ended with exit code ${output.code}`
        const said = harmless(lastLine(output.stderr), [...Object.values(own), ...args.filter((a) => a.length > 16)])
        return Effect.fail(fail(`exec plugin ${name} ${how}${said === "" ? "" : `: ${said}`}`))
      })
    )
  })
