// What a node's kernel does between pods: a connection to a Service's or a pod's address ends up at the sidecar, which
// is told where it was meant to go. The kernel says so by SO_ORIGINAL_DST, here a PROXY protocol header does.
import { connect, createServer, type Socket } from "node:net"

export interface Place {
  readonly host: string
  readonly port: number
}

export interface Relay {
  /** Refuses connections from now on, and ends those that are open. */
  readonly close: () => Promise<void>
  readonly open: () => Promise<void>
  readonly connections: () => number
}

export const proxyHeader = (from: Place, to: Place): string =>
  `PROXY TCP4 ${from.host} ${to.host} ${from.port} ${to.port}\r\n`

/** Listens at `at` and passes on to `to`; with `meant`, the PROXY header names that as the destination. */
export const startRelay = async (at: Place, to: Place, meant?: Place): Promise<Relay> => {
  const sockets = new Set<Socket>()
  let count = 0
  const server = createServer((incoming) => {
    count++
    // From the address at which it was reached, where that is of the same kind.
    const from = at.host.includes(":") ? {} : { localAddress: at.host }
    const outgoing = connect({ host: to.host, port: to.port, ...from })
    for (const [one, other] of [
      [incoming, outgoing],
      [outgoing, incoming]
    ] as const) {
      sockets.add(one)
      one.setNoDelay(true)
      one.on("error", () => other.destroy())
      one.once("close", () => {
        sockets.delete(one)
        other.destroy()
      })
    }
    if (meant !== undefined) {
      outgoing.write(proxyHeader({ host: at.host, port: incoming.remotePort ?? 1 }, meant))
    }
    incoming.pipe(outgoing)
    outgoing.pipe(incoming)
  })
  const open = () =>
    new Promise<void>((resolve, reject) => {
      server.once("error", reject)
      server.listen(at.port, at.host, () => {
        server.off("error", reject)
        server.unref()
        resolve()
      })
    })
  await open()
  return {
    open,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const each of sockets) each.destroy()
      }),
    connections: () => count
  }
}
