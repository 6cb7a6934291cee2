/** Talks to a cw that serves a page or runs with --listen, over the same API as curl would, for `cw status` and `cw tap`. */
import * as RuntimeFile from "./RuntimeFile.ts"

export type Server = RuntimeFile.Entry

/** The newest server, or the one at this port or address. */
export const find = (address: string | undefined): Server | undefined => {
  const all = RuntimeFile.all()
  return address === undefined ? all[0] : all.find(({ url }) => url.endsWith(`:${address.replace(/^.*:/, "")}`))
}

const authorization = ({ bearer }: Server) => ({ authorization: `Bearer ${bearer}` })

/** JSON of one path; undefined where nobody answers any more. */
export const get = async <A>(server: Server, path: string): Promise<A | undefined> => {
  try {
    const response = await fetch(`${server.url}/api/v1${path}`, {
      headers: authorization(server),
      signal: AbortSignal.timeout(10_000)
    })
    return response.ok ? ((await response.json()) as A) : undefined
  } catch {
    return undefined
  }
}

/** Lines of one path until the server or the signal ends them. */
export async function* lines(server: Server, path: string, signal: AbortSignal): AsyncGenerator<string> {
  const response = await fetch(`${server.url}/api/v1${path}`, { headers: authorization(server), signal })
  if (!response.ok || response.body === null) return
  let rest = ""
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n")
    rest = parts.pop()!
    yield* parts
  }
}

export const anotherLink = async (): Promise<string | undefined> => {
  const server = find(undefined)
  if (server === undefined) return undefined
  try {
    const response = await fetch(`${server.url}/auth/launch`, {
      method: "POST",
      headers: authorization(server),
      signal: AbortSignal.timeout(5000)
    })
    if (!response.ok) return undefined
    const { launch } = (await response.json()) as { readonly launch: string }
    return `${server.url}/#launch=${launch}`
  } catch {
    return undefined
  }
}
