// Ports on loopback for programs that must be told theirs. They lie below the range from which the system gives ports
// to outgoing connections, so that a server can be stopped and started again on the same one.
import { createSocket } from "node:dgram"
import { createServer } from "node:net"

const first = 15_000
const last = 32_000

const freeTcp = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once("error", () => resolve(false))
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)))
  })

const freeUdp = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createSocket("udp4")
    socket.once("error", () => resolve(false))
    socket.bind(port, "127.0.0.1", () => socket.close(() => resolve(true)))
  })

/** Free for TCP and UDP at this moment. */
export const freePort = async (): Promise<number> => {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = first + Math.floor(Math.random() * (last - first))
    if ((await freeTcp(port)) && (await freeUdp(port))) return port
  }
  throw new Error(`no free port found on 127.0.0.1 between ${first} and ${last}`)
}
