// A TCP proxy on loopback with faults that can be switched while connections live. It passes TLS through: what the
// client and the server say stays theirs. A fault holds, for live and new connections, until another one is set.
import { connect, createServer, type Socket } from "node:net"
import { setImmediate as tick, setTimeout as sleep } from "node:timers/promises"

export type Fault =
  | { readonly kind: "none" }
  /** Every piece of data is held for so long. */
  | { readonly kind: "delay"; readonly ms: number }
  /** Byte by byte, with this pause between them (default: only a turn of the event loop). */
  | { readonly kind: "trickle"; readonly ms?: number }
  /** Lets so many more bytes through on each connection, then ends it. */
  | { readonly kind: "truncate"; readonly bytes: number }
  /** Ends connections at once: an orderly FIN. */
  | { readonly kind: "cut" }
  /** Ends connections at once: RST. */
  | { readonly kind: "reset" }
  /** Accepts, passes nothing either way; what was held goes on when the fault ends. */
  | { readonly kind: "blackhole" }

export interface FaultProxyOptions {
  readonly port: number
  readonly host?: string
  /** Which bytes delay, trickle and truncate concern: those to the client (default), to the server, or both. */
  readonly direction?: "down" | "up" | "both"
}

export interface FaultProxy extends AsyncDisposable {
  readonly port: number
  /** Live connections now, and all accepted so far. */
  readonly connections: number
  readonly accepted: number
  readonly set: (fault: Fault) => void
  readonly close: () => Promise<void>
}

interface Connection {
  readonly client: Socket
  readonly server: Socket
  readonly closed: AbortController
  passed: number
}

export const startFaultProxy = async (options: FaultProxyOptions): Promise<FaultProxy> => {
  const direction = options.direction ?? "down"
  const connections = new Set<Connection>()
  let accepted = 0
  let fault: Fault = { kind: "none" }
  let changed = Promise.withResolvers<void>()

  const end = ({ client, server, closed }: Connection, reset: boolean): void => {
    closed.abort()
    if (reset) client.resetAndDestroy()
    else client.end(() => client.destroy())
    server.destroy()
  }

  const send = async (data: Buffer, to: Socket, { closed }: Connection): Promise<void> => {
    if (closed.signal.aborted || to.destroyed) return
    await new Promise<void>((resolve) => to.write(data, () => resolve()))
  }

  const deliver = async (data: Buffer, to: Socket, connection: Connection): Promise<void> => {
    const { signal } = connection.closed
    while (fault.kind === "blackhole") {
      const gone = new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }))
      await Promise.race([changed.promise, gone])
      if (signal.aborted) return
    }
    if (fault.kind === "delay") {
      await sleep(fault.ms, undefined, { signal })
    } else if (fault.kind === "trickle") {
      for (let at = 0; at < data.length; at++) {
        const now: Fault = fault
        if (now.kind !== "trickle") return deliver(data.subarray(at), to, connection)
        await send(data.subarray(at, at + 1), to, connection)
        await (now.ms === undefined ? tick() : sleep(now.ms, undefined, { signal }))
      }
      return
    } else if (fault.kind === "truncate") {
      const rest = fault.bytes - connection.passed
      connection.passed += data.length
      if (data.length >= rest) {
        await send(data.subarray(0, Math.max(rest, 0)), to, connection)
        return end(connection, false)
      }
    }
    await send(data, to, connection)
  }

  const pump = async (from: Socket, to: Socket, faulty: boolean, connection: Connection): Promise<void> => {
    try {
      for await (const data of from.iterator({ destroyOnReturn: false })) {
        await (faulty || fault.kind === "blackhole" ? deliver : send)(data, to, connection)
      }
      to.end()
    } catch {
      // One side broke off: the other must see an end as well. (A fault has seen to that itself.)
      if (!connection.closed.signal.aborted) to.destroy()
    }
  }

  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    accepted++
    const server = connect({
      port: options.port,
      host: options.host ?? "127.0.0.1",
      allowHalfOpen: true,
      noDelay: true
    })
    const connection: Connection = { client, server, closed: new AbortController(), passed: 0 }
    connections.add(connection)
    client.once("close", () => {
      connection.closed.abort()
      server.destroy()
      connections.delete(connection)
    })
    client.on("error", () => client.destroy())
    server.on("error", () => client.destroy())
    if (fault.kind === "cut" || fault.kind === "reset") return end(connection, fault.kind === "reset")
    void pump(client, server, direction !== "down", connection)
    void pump(server, client, direction !== "up", connection)
  })
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve))
  const address = listener.address() as { readonly port: number }

  const close = async () => {
    const closed = new Promise<void>((resolve) => listener.close(() => resolve()))
    for (const { client, closed: abort } of connections) {
      abort.abort()
      client.destroy()
    }
    await closed
  }
  return {
    port: address.port,
    get connections() {
      return connections.size
    },
    get accepted() {
      return accepted
    },
    set: (next) => {
      fault = next
      const before = changed
      changed = Promise.withResolvers<void>()
      before.resolve()
      for (const connection of connections) {
        connection.passed = 0
        if (next.kind === "cut" || next.kind === "reset") end(connection, next.kind === "reset")
      }
    },
    close,
    [Symbol.asyncDispose]: close
  }
}
