/** What the measuring processes against live API servers share: bare requests as anybody would write them, and figures. */
import { readFileSync } from "node:fs"
import { Agent, request } from "undici"

/** What the bench needs of a kubeconfig of the real parts: it wrote them itself. */
export interface Server {
  readonly kubeconfig: string
  readonly url: string
  readonly ca: string
  readonly token: string
}

export const serverOf = (kubeconfig: string): Server => {
  const text = readFileSync(kubeconfig, "utf8")
  const value = (key: string) => new RegExp(`${key}: (\\S+)`).exec(text)![1]!
  const ca = Buffer.from(value("certificate-authority-data"), "base64").toString()
  return { kubeconfig, url: value("server"), ca, token: value("token") }
}

const agentOf = ({ ca }: Server, connections: number) => new Agent({ connections, connect: { ca }, allowH2: false })

export const inParallel = async <A>(items: ReadonlyArray<A>, width: number, run: (item: A) => Promise<void>) => {
  let next = 0
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (next < items.length) await run(items[next++]!)
    })
  )
}

export const patcher = (server: Server, connections = 16) => {
  const dispatcher = agentOf(server, connections)
  return async (path: string, body: unknown, kind = "apply-patch+yaml") => {
    const query = kind === "apply-patch+yaml" ? "fieldManager=cw&force=true" : "fieldManager=bench"
    const response = await request(`${server.url}${path}?${query}`, {
      method: "PATCH",
      dispatcher,
      headers: { authorization: `Bearer ${server.token}`, "content-type": `application/${kind}` },
      body: JSON.stringify(body)
    })
    const text = await response.body.text()
    if (response.statusCode > 201) throw new Error(`${response.statusCode} ${text}`)
    JSON.parse(text)
  }
}

/** A paged LIST as anybody would write it: page after page, parsed. */
export const rawList = async (server: Server, path: string): Promise<number> => {
  const dispatcher = agentOf(server, 1)
  let found = 0
  for (let token = ""; ; ) {
    const query = `limit=500${token === "" ? "" : `&continue=${encodeURIComponent(token)}`}`
    const response = await request(`${server.url}${path}?${query}`, {
      dispatcher,
      headers: { authorization: `Bearer ${server.token}` }
    })
    const list = JSON.parse(await response.body.text())
    found += list.items.length
    token = list.metadata.continue ?? ""
    if (token === "") break
  }
  await dispatcher.close()
  return found
}

export const timed = async <A>(run: () => Promise<A>) => {
  const started = performance.now()
  const result = await run()
  return { ms: performance.now() - started, result }
}

export const peak = (): number =>
  Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8"))![1]) / 1024

export const say = (figures: object) => process.stdout.write(JSON.stringify(figures))
