// A real CoreDNS with a Corefile in a folder of its own, on loopback and on free ports. The Corefile is the one that a
// cluster would get: its ports are moved to free ones, and its server blocks are bound to 127.0.0.1, nothing else.
import { mkdirSync, renameSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { type DnsAnswer, dnsQuery, type RecordType } from "./DnsQuery.ts"
import { files } from "./Parts.ts"
import { until } from "./Poll.ts"
import { freePort } from "./Ports.ts"
import { type Program, removeFolder, startProgram, temporaryFolder } from "./Processes.ts"

export interface CoreDnsOptions {
  readonly corefile: string
  /** Zone files and imports, by path relative to the Corefile. */
  readonly files?: Readonly<Record<string, string>>
  /** The ports in the Corefile that are to be moved; the first is the one that is asked. Default: 53 alone. */
  readonly ports?: ReadonlyArray<number>
}

export interface CoreDns extends AsyncDisposable {
  readonly dir: string
  /** Where the first of the Corefile's ports is now. */
  readonly port: number
  readonly program: Program
  readonly query: (name: string, type?: RecordType, port?: number) => Promise<DnsAnswer>
  /** Replaces a file at once; `Corefile` is adapted as at the start. Reloading is up to the Corefile. */
  readonly write: (path: string, text: string) => void
  readonly kill: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** Server blocks begin at the left margin and end with a lone brace; snippets `(name) {` serve nothing. */
const bound = (corefile: string): string =>
  corefile.replace(/^([^\s#(}][^\n]*\{)[^\S\n]*\n([\s\S]*?)^\}/gm, (block, head: string, body: string) =>
    /^\s*bind\s/m.test(body) ? block : `${head}\n    bind 127.0.0.1\n${body}}`
  )

/** `global:53`, `dns://.:53`, `127.0.0.1:5399`, `[::1]:53`, but not the groups of an IPv6 address. */
const withPort = /(?<=\s|^)((?:[a-z]+:\/\/)?(?:[^\s:]*|\[\S*\])):(\d+)(?=[\s,]|$)/gm

export const startCoreDns = async (options: CoreDnsOptions): Promise<CoreDns> => {
  const { coredns } = files("coredns")
  const dir = temporaryFolder("coredns")
  const moved = new Map<number, number>()
  for (const port of options.ports ?? [53]) moved.set(port, await freePort())
  const [[first, port] = [53, await freePort()]] = moved

  const adapt = (corefile: string): string =>
    bound(corefile).replace(withPort, (text, host: string, number: string) => {
      const free = moved.get(Number(number))
      return free === undefined ? text : `${host}:${free}`
    })
  const write = (path: string, text: string): void => {
    const file = join(dir, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(`${file}.new`, path === "Corefile" ? adapt(text) : text)
    renameSync(`${file}.new`, file)
  }
  for (const [path, text] of Object.entries(options.files ?? {})) write(path, text)
  write("Corefile", options.corefile)

  // A block without a port means 53.
  const flags = ["-conf", join(dir, "Corefile"), "-dns.port", String(moved.get(53) ?? port)]
  const program = startProgram(coredns, flags, { log: join(dir, "coredns.log"), cwd: dir })
  const query = (name: string, type: RecordType = "A", at: number = first) =>
    dnsQuery(name, type, { port: moved.get(at) ?? at })

  const stop = async () => {
    await program.kill()
    removeFolder(dir)
  }
  try {
    const any = async () => (await dnsQuery(".", "SOA", { port, timeoutMs: 200 })) !== undefined
    await until("CoreDNS", any, [program], 20)
  } catch (error) {
    await stop()
    throw error
  }
  return { dir, port, program, query, write, kill: () => program.kill(), stop, [Symbol.asyncDispose]: stop }
}
