// A cw that serves its page, asked over the same doors as a browser and curl.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, onTestFinished } from "vitest"
import { type Running, start } from "../cli/Cw.ts"

export interface Served {
  readonly running: Running
  readonly url: string
  readonly bearer: string
  readonly runtime: string
  readonly get: <A>(path: string) => Promise<A>
}

/** A serving cw with a runtime folder of its own. */
export const serve = async (
  args: ReadonlyArray<string>,
  cwd: string,
  env: Readonly<Record<string, string>> = {}
): Promise<Served> => {
  const runtime = mkdtempSync(join(tmpdir(), "cw-ui-"))
  const running = start(args, { cwd, env: { ...env, XDG_RUNTIME_DIR: runtime } })
  onTestFinished(async () => {
    running.kill("SIGKILL")
    await running.done
    rmSync(runtime, { recursive: true, force: true })
  })
  await running.said("launch=")
  const path = join(runtime, "coddiwomple")
  const name = readdirSync(path).find((file) => file.startsWith("ui-"))!
  assert.strictEqual(statSync(join(path, name)).mode & 0o777, 0o600)
  const { bearer, url } = JSON.parse(readFileSync(join(path, name), "utf8")) as { bearer: string; url: string }
  const get = async <A>(at: string): Promise<A> =>
    (await fetch(`${url}/api/v1${at}`, { headers: { authorization: `Bearer ${bearer}` } })).json() as Promise<A>
  return { running, url, bearer, runtime, get }
}

/** Asks until the answer is good: an engine needs a moment. */
export const until = async <A>(ask: () => Promise<A>, good: (answer: A) => boolean): Promise<A> => {
  for (let i = 0; ; i++) {
    const answer = await ask()
    if (good(answer) || i > 200) return answer
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

interface Message {
  readonly _tag: string
  readonly values?: ReadonlyArray<Record<string, unknown>>
}

/** One call to its end, or until there is enough: the values of a stream, and the last words. */
export const call = (
  { bearer, url }: Served,
  tag: string,
  payload: unknown,
  enough: (values: ReadonlyArray<Record<string, unknown>>) => boolean = () => false
): Promise<{ readonly values: ReadonlyArray<Record<string, unknown>>; readonly end: string }> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url.replace("http", "ws")}/rpc`)
    const values: Array<Record<string, unknown>> = []
    let rest = ""
    const send = (message: unknown) => socket.send(`${JSON.stringify(message)}\n`)
    socket.onopen = () =>
      send({ _tag: "Request", id: "1", tag, payload, headers: [["authorization", `Bearer ${bearer}`]] })
    socket.onmessage = (event) => {
      const lines = (rest + String(event.data)).split("\n")
      rest = lines.pop()!
      for (const line of lines.filter((l) => l !== "")) {
        const message = JSON.parse(line) as Message
        values.push(...(message.values ?? []))
        if (message._tag === "Chunk" && !enough(values)) send({ _tag: "Ack", requestId: "1" })
        else {
          resolve({ values, end: line })
          socket.close()
        }
      }
    }
    socket.onerror = () => reject(new Error("the socket failed"))
  })
