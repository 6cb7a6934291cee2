// Real Kubernetes API servers on loopback, each with its own or a shared etcd, its own certificate, tokens and
// kubeconfig, ready when they are returned. They keep port, certificate and data over kill() and restart().
import { execFile } from "node:child_process"
import { generateKeyPairSync } from "node:crypto"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { Agent, request as httpsRequest } from "node:https"
import { join } from "node:path"
import { type Etcd, startEtcd } from "./Etcd.ts"
import { files } from "./Parts.ts"
import { until } from "./Poll.ts"
import { freePort } from "./Ports.ts"
import { type Program, removeFolder, startProgram, temporaryFolder } from "./Processes.ts"

export interface ApiServerOptions {
  /** Names the kubeconfig context. */
  readonly name?: string
  /** Shared: it is not stopped with this server. Without it the server gets its own. */
  readonly etcd?: Etcd
  readonly istioCrds?: boolean
  /** More flags, for example `--watch-cache-sizes=services#0`. */
  readonly args?: ReadonlyArray<string>
  readonly env?: Readonly<Record<string, string>>
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | Array<string> | undefined>>
  readonly body: string
}
export interface RequestOptions {
  readonly body?: string
  readonly type?: string
  readonly token?: string
}
export interface KubectlResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface ApiServer extends AsyncDisposable {
  readonly name: string
  readonly url: string
  readonly port: number
  /** PEM, and the file that holds it. */
  readonly ca: string
  readonly caFile: string
  /** Of group system:masters: no RBAC and no rate limits apply. */
  readonly token: string
  /** Of the ordinary user `user`, who may nothing until RBAC says so. */
  readonly userToken: string
  readonly kubeconfig: string
  readonly dir: string
  readonly etcd: Etcd
  readonly program: Program
  /** Another kubeconfig file, for example through a FaultProxy or as the ordinary user. */
  readonly writeKubeconfig: (file: string, change: { readonly url?: string; readonly token?: string }) => string
  readonly request: (method: string, path: string, options?: RequestOptions) => Promise<Answer>
  readonly kubectl: (args: ReadonlyArray<string>, input?: string) => Promise<KubectlResult>
  readonly applyIstioCrds: () => Promise<void>
  readonly freeze: () => void
  readonly thaw: () => void
  readonly kill: () => Promise<void>
  /** Kills it and starts it again on the same port; ready when it resolves. */
  readonly restart: () => Promise<void>
  /** Kills it, with its own etcd, and removes everything. */
  readonly stop: () => Promise<void>
}

const token = "admin-token"
const userToken = "user-token"

// Without a limit the server grows to gigabytes over a suite; with this one it stays near 700 MB and is not slower.
const memory = { GOMEMLIMIT: "600MiB", GOGC: "200" }

const kubeconfigText = (name: string, url: string, ca: string, bearer: string): string => `apiVersion: v1
kind: Config
clusters:
  - name: ${name}
    cluster:
      server: ${url}
      certificate-authority-data: ${Buffer.from(ca).toString("base64")}
users:
  - name: ${name}
    user:
      token: ${bearer}
contexts:
  - name: ${name}
    context:
      cluster: ${name}
      user: ${name}
current-context: ${name}
`

let started = 0

const launch = async (
  options: Omit<ApiServerOptions, "etcd">,
  etcd: Etcd,
  releaseEtcd: () => Promise<void>
): Promise<ApiServer> => {
  const { "kube-apiserver": command, kubectl: kubectlCommand } = files("kube")
  const number = ++started
  const name = options.name ?? `c${number}`
  const dir = temporaryFolder("kube")
  const port = await freePort()
  const url = `https://127.0.0.1:${port}`
  const caFile = join(dir, "apiserver.crt")
  const kubeconfig = join(dir, "kubeconfig")

  const key = generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey
  writeFileSync(join(dir, "sa.key"), key.export({ type: "sec1", format: "pem" }))
  writeFileSync(join(dir, "tokens.csv"), `${token},admin,1,"system:masters"\n${userToken},user,2\n`)

  const args = [
    `--etcd-servers=${etcd.endpoint}`,
    // The process number keeps apart the servers of two processes that share an etcd.
    `--etcd-prefix=/cw-${process.pid}-${number}`,
    "--etcd-compaction-interval=0",
    "--bind-address=127.0.0.1",
    `--secure-port=${port}`,
    `--cert-dir=${dir}`,
    `--token-auth-file=${join(dir, "tokens.csv")}`,
    "--authorization-mode=RBAC",
    "--service-account-issuer=https://127.0.0.1",
    `--service-account-key-file=${join(dir, "sa.key")}`,
    `--service-account-signing-key-file=${join(dir, "sa.key")}`,
    "--service-cluster-ip-range=10.96.0.0/12",
    "--endpoint-reconciler-type=none",
    "--disable-admission-plugins=ServiceAccount",
    ...(options.args ?? [])
  ]
  const start = () =>
    startProgram(command, args, { log: join(dir, "apiserver.log"), cwd: dir, env: { ...memory, ...options.env } })
  let program = start()
  let ca = ""
  let agent: Agent | undefined

  const request = (method: string, path: string, { body, type, token: bearer = token }: RequestOptions = {}) =>
    new Promise<Answer>((resolve, reject) => {
      const headers = { authorization: `Bearer ${bearer}`, "content-type": type ?? "application/json" }
      const target = { host: "127.0.0.1", port, method, path, headers, ...(agent && { agent }) }
      const outgoing = httpsRequest(target, (response) => {
        let text = ""
        response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk))
        response.once("error", reject)
        response.once("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }))
      })
      outgoing.once("error", reject)
      outgoing.end(body)
    })

  const isReady = async (): Promise<boolean> => {
    if (agent === undefined) {
      if (!existsSync(caFile)) return false
      ca = readFileSync(caFile, "utf8")
      agent = new Agent({ ca, keepAlive: true })
    }
    // The file may have been read half written: then it is read again.
    const forget = () => {
      agent?.destroy()
      agent = undefined
    }
    if ((await request("GET", "/readyz").catch((error) => (forget(), Promise.reject(error)))).status !== 200)
      return false
    return (await request("GET", "/api/v1/namespaces/default")).status === 200
  }
  const ready = () => until(`API server ${name} on port ${port}`, isReady, [program, etcd.program])

  const kubectl = (parameters: ReadonlyArray<string>, input?: string) =>
    new Promise<KubectlResult>((resolve) => {
      const env = { ...process.env, KUBECONFIG: kubeconfig, KUBECACHEDIR: join(dir, "kubectl-cache") }
      const limits = { env, maxBuffer: 256 * 1024 * 1024 }
      const child = execFile(kubectlCommand, parameters, limits, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1
        resolve({ code, stdout, stderr })
      })
      child.stdin?.end(input ?? "")
    })

  const applyIstioCrds = async () => {
    const { crds } = files("istio-crds")
    for (const verb of [
      ["apply", "--server-side"],
      ["wait", "--for=condition=Established", "--timeout=60s"]
    ]) {
      const { code, stderr } = await kubectl([...verb, "-f", crds])
      if (code !== 0) throw new Error(`kubectl ${verb[0]} of the Istio CRDs failed:\n${stderr}`)
    }
  }

  const stop = async () => {
    agent?.destroy()
    await program.kill()
    await releaseEtcd()
    removeFolder(dir)
  }

  try {
    await ready()
    writeFileSync(kubeconfig, kubeconfigText(name, url, ca, token))
    if (options.istioCrds) await applyIstioCrds()
  } catch (error) {
    await stop()
    throw error
  }
  return {
    name,
    url,
    port,
    ca,
    caFile,
    token,
    userToken,
    kubeconfig,
    dir,
    etcd,
    get program() {
      return program
    },
    writeKubeconfig: (file, change) => {
      const path = join(dir, file)
      writeFileSync(path, kubeconfigText(name, change.url ?? url, ca, change.token ?? token))
      return path
    },
    request,
    kubectl,
    applyIstioCrds,
    freeze: () => program.signal("SIGSTOP"),
    thaw: () => program.signal("SIGCONT"),
    kill: () => program.kill(),
    restart: async () => {
      await program.kill()
      program = start()
      await ready()
    },
    stop,
    [Symbol.asyncDispose]: stop
  }
}

export const startApiServer = async ({ etcd, ...options }: ApiServerOptions = {}): Promise<ApiServer> => {
  const own = etcd === undefined ? startEtcd() : undefined
  return launch(options, etcd ?? own!, async () => own?.stop())
}

export interface ApiServersOptions extends Omit<ApiServerOptions, "name" | "etcd"> {
  /** All in one etcd, which stops with the last of them. */
  readonly sharedEtcd?: boolean
}

/** Several at once, named c1, c2, …; all of them, or none and the first error. */
export const startApiServers = async (
  count: number,
  { sharedEtcd, ...options }: ApiServersOptions = {}
): Promise<ReadonlyArray<ApiServer>> => {
  const shared = sharedEtcd ? startEtcd() : undefined
  let running = count
  const release = async () => {
    if (--running === 0) await shared?.stop()
  }
  const starting = Array.from({ length: count }, (_, index) => {
    const named = { ...options, name: `c${index + 1}` }
    return shared === undefined ? startApiServer(named) : launch(named, shared, release)
  })
  const outcomes = await Promise.allSettled(starting)
  const servers = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []))
  const failed = outcomes.find((outcome) => outcome.status === "rejected")
  if (failed === undefined) return servers
  await Promise.all(servers.map((server) => server.stop()))
  throw failed.reason
}
