// A real etcd on a unix socket in a folder of its own: it takes no port. Several API servers may share one, each under
// its own prefix; its revision counter and its compaction are then shared too.
import { request } from "node:http"
import { join } from "node:path"
import { files } from "./Parts.ts"
import { until } from "./Poll.ts"
import { type Program, removeFolder, startProgram, temporaryFolder } from "./Processes.ts"

export interface Etcd extends AsyncDisposable {
  /** For `--etcd-servers`. */
  readonly endpoint: string
  readonly program: Program
  /** Answers nothing any more, but keeps its connections (SIGSTOP). */
  readonly freeze: () => void
  readonly thaw: () => void
  readonly kill: () => Promise<void>
  /** Kills it and starts it again with its data; it answers when this resolves. */
  readonly restart: () => Promise<void>
  /** Forgets all history up to now; returns the revision. */
  readonly compact: () => Promise<number>
  /** As if its quota were used up: it refuses every write. */
  readonly full: (yes: boolean) => Promise<void>
  /** Kills it and removes its data. */
  readonly stop: () => Promise<void>
}

/** etcd's JSON gateway: int64 travels as text there. */
const call = (
  socketPath: string,
  path: string,
  body: unknown
): Promise<{ header: { revision: string; member_id: string } }> =>
  new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path, method: "POST", agent: false }, (response) => {
      let text = ""
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk))
      response.once("end", () =>
        response.statusCode === 200 ? resolve(JSON.parse(text)) : reject(new Error(`etcd ${path}: ${text}`))
      )
    })
    outgoing.once("error", reject)
    outgoing.end(JSON.stringify(body))
  })

export const startEtcd = (): Etcd => {
  const { etcd } = files("etcd")
  const dir = temporaryFolder("etcd")
  const socket = join(dir, "e.sock")
  const [client, peer] = [`unix://${socket}`, `unix://${join(dir, "p.sock")}`]
  const urls = [`--listen-client-urls=${client}`, `--advertise-client-urls=${client}`, `--listen-peer-urls=${peer}`]
  const cluster = [`--initial-advertise-peer-urls=${peer}`, `--initial-cluster=default=${peer}`]
  const args = [`--data-dir=${join(dir, "data")}`, ...urls, ...cluster, "--unsafe-no-fsync", "--log-level=warn"]
  const start = () => startProgram(etcd, args, { log: join(dir, "etcd.log"), cwd: dir })
  let program = start()

  const revision = async () => Number((await call(socket, "/v3/maintenance/status", {})).header.revision)
  const stop = async () => {
    await program.kill()
    removeFolder(dir)
  }
  return {
    endpoint: client,
    get program() {
      return program
    },
    freeze: () => program.signal("SIGSTOP"),
    thaw: () => program.signal("SIGCONT"),
    kill: () => program.kill(),
    restart: async () => {
      await program.kill()
      program = start()
      await until("etcd", async () => (await revision()) > 0, [program])
    },
    compact: async () => {
      const now = await revision()
      const body = { revision: String(now), physical: true }
      await call(socket, "/v3/kv/compaction", body).catch((error: Error) => {
        if (!error.message.includes("has been compacted")) throw error
      })
      return now
    },
    full: async (yes) => {
      const { header } = await call(socket, "/v3/maintenance/status", {})
      const action = yes ? "ACTIVATE" : "DEACTIVATE"
      await call(socket, "/v3/maintenance/alarm", { action, memberID: header.member_id, alarm: "NOSPACE" })
    },
    stop,
    [Symbol.asyncDispose]: stop
  }
}
