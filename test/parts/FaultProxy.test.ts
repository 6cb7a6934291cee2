// Each fault as a client meets it, against an echo server in this process.
import { connect, createServer, type Server, type Socket } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type FaultProxy, startFaultProxy } from "./FaultProxy.ts"

let echo: Server
let port = 0

beforeAll(async () => {
  echo = createServer({ allowHalfOpen: true }, (socket) => void socket.on("error", () => {}).pipe(socket))
  await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", resolve))
  port = (echo.address() as { readonly port: number }).port
})
afterAll(() => new Promise((resolve) => echo.close(resolve)))

interface Client {
  readonly socket: Socket
  readonly pieces: ReadonlyArray<string>
  readonly text: () => string
  /** "end", or the error's code. */
  readonly over: Promise<string>
}

const client = async (proxy: FaultProxy): Promise<Client> => {
  const socket = connect({ port: proxy.port, host: "127.0.0.1" })
  const pieces: Array<string> = []
  socket.setEncoding("utf8").on("data", (piece) => pieces.push(String(piece)))
  const over = new Promise<string>((resolve) => {
    socket.once("end", () => resolve("end"))
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""))
  })
  await new Promise<void>((resolve) => socket.once("connect", resolve).once("close", () => resolve()))
  return { socket, pieces, text: () => pieces.join(""), over }
}

describe("FaultProxy", () => {
  it("passes everything through, half-closed ends included", async () => {
    await using proxy = await startFaultProxy({ port })
    const { socket, text, over } = await client(proxy)
    const big = "x".repeat(1_000_000)
    socket.end(big)
    expect(await over).toBe("end")
    expect(text()).toBe(big)
    expect(proxy.accepted).toBe(1)
    await expect.poll(() => proxy.connections).toBe(0)
  })

  it("delays", async () => {
    await using proxy = await startFaultProxy({ port })
    proxy.set({ kind: "delay", ms: 200 })
    const { socket, text, over } = await client(proxy)
    const started = performance.now()
    socket.end("hello")
    await over
    expect(text()).toBe("hello")
    expect(performance.now() - started).toBeGreaterThan(190)
  })

  it("trickles byte by byte", async () => {
    await using proxy = await startFaultProxy({ port })
    proxy.set({ kind: "trickle", ms: 2 })
    const { socket, pieces, text, over } = await client(proxy)
    socket.end("hello hello")
    await over
    expect(text()).toBe("hello hello")
    expect(pieces.length).toBeGreaterThan(5)
  })

  it("truncates after so many bytes of a live connection", async () => {
    await using proxy = await startFaultProxy({ port })
    const { socket, text, over } = await client(proxy)
    socket.write("before ")
    await expect.poll(text).toBe("before ")
    proxy.set({ kind: "truncate", bytes: 3 })
    socket.write("after")
    expect(await over).toBe("end")
    expect(text()).toBe("before aft")
  })

  it("cuts and resets live and new connections, until told otherwise", async () => {
    await using proxy = await startFaultProxy({ port })
    const cut = await client(proxy)
    proxy.set({ kind: "cut" })
    expect(await cut.over).toBe("end")

    proxy.set({ kind: "none" })
    const reset = await client(proxy)
    await expect.poll(() => proxy.connections).toBe(1)
    proxy.set({ kind: "reset" })
    expect(await reset.over).toBe("ECONNRESET")
    expect(await client(proxy).then(({ over }) => over)).toBe("ECONNRESET")
  })

  it("swallows while it is a black hole, and goes on afterwards", async () => {
    await using proxy = await startFaultProxy({ port })
    proxy.set({ kind: "blackhole" })
    const { socket, text, over } = await client(proxy)
    socket.end("hello")
    await sleep(100)
    expect(text()).toBe("")
    proxy.set({ kind: "none" })
    expect(await over).toBe("end")
    expect(text()).toBe("hello")
  })

  it("ends the client's connection when the server is gone", async () => {
    await using proxy = await startFaultProxy({ port: 1 })
    expect(["end", "ECONNRESET"]).toContain(await client(proxy).then(({ over }) => over))
  })
})
