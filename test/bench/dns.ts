/**
 * Real CoreDNS with our forms against an empty configuration and a hand-written zone file, 10 000 names. Questions go over
 * UDP from this process, so rates compare with each other and with nothing else.
 */
import { execFile } from "node:child_process"
import { createSocket, type Socket } from "node:dgram"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { hostsBlocks } from "@coddiwomple/transform-coredns/Corefile"
import { type Record as Name, type Records } from "@coddiwomple/transform-coredns/Records"
import { zoneFile } from "@coddiwomple/transform-coredns/ZoneFile"
import { startCoreDns } from "../parts/CoreDns.ts"
import { files, lacking } from "../parts/Parts.ts"
import { freePort } from "../parts/Ports.ts"
import { atMost, type Figure, median } from "./Measure.ts"

const count = 10_000
const exact = Array.from(
  { length: count },
  (_, i): Name => ({ host: `svc-${i}.shop.global`, address: `240.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, version: 4 })
)
const records: Records = { exact, wild: [], parents: ["global", "shop.global"] }

const byHand = `$ORIGIN global.\n$TTL 30\n@ IN SOA ns.global. admin.global. 1 7200 3600 1209600 30\n@ IN NS ns.global.\nns IN A 127.0.0.1\n${exact.map((r) => `${r.host}. IN A ${r.address}`).join("\n")}\n`

const forms: Readonly<
  Record<
    string,
    { readonly corefile: string; readonly files?: Record<string, string>; readonly ports?: ReadonlyArray<number> }
  >
> = {
  empty: { corefile: "global:53 {\n    errors\n}\n" },
  "zone by hand": { corefile: "global:53 {\n    file db.global global\n}\n", files: { "db.global": byHand } },
  "our zone file": {
    corefile: "global:53 {\n    errors\n    file db.global global {\n        reload 5s\n    }\n}\n",
    files: { "db.global": zoneFile(records, { suffix: "global", ttl: 30 }) }
  },
  "our fragment": { corefile: hostsBlocks(records, { suffix: "global", port: 53, ttl: 30 }), ports: [53, 5399] }
}

const ask = (name: string, id: number): Buffer => {
  const labels = name.split(".").flatMap((l) => [Buffer.from([l.length]), Buffer.from(l)])
  return Buffer.concat([
    Buffer.from([id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
    ...labels,
    Buffer.from([0, 0, 1, 0, 1])
  ])
}
const questions = Array.from({ length: 4096 }, (_, i) => ask(exact[(i * 7919) % count]!.host, i))

/** Milliseconds from the start of the process to its first answer, whatever that is. */
const startTime = async (form: (typeof forms)[string]): Promise<number> => {
  const dir = mkdtempSync(join(tmpdir(), "cw-bench-dns-"))
  const [port, other] = [await freePort(), await freePort()]
  mkdirSync(dir, { recursive: true })
  for (const [name, text] of Object.entries(form.files ?? {})) writeFileSync(join(dir, name), text)
  writeFileSync(
    join(dir, "Corefile"),
    form.corefile.replace("global:53 {", `global:${port} {\n    bind 127.0.0.1`).replaceAll("5399", String(other))
  )
  const socket = createSocket("udp4")
  const started = performance.now()
  const child = execFile(files("coredns").coredns, ["-conf", join(dir, "Corefile")], { cwd: dir })
  try {
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => socket.send(questions[0]!, port, "127.0.0.1"), 5)
      socket.on("error", () => {})
      socket.once("message", () => {
        clearInterval(timer)
        resolve()
      })
    })
    return performance.now() - started
  } finally {
    socket.close()
    child.kill("SIGKILL")
    await new Promise((resolve) => child.once("exit", resolve))
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Answers per second with 64 questions on the way. */
const rate = (port: number, milliseconds: number): Promise<number> =>
  new Promise((resolve) => {
    const sockets: Array<Socket> = []
    let answers = 0
    let next = 0
    const begin = performance.now()
    const send = (socket: Socket) => socket.send(questions[next++ & 4095]!, port, "127.0.0.1")
    for (let s = 0; s < 8; s++) {
      const socket = createSocket("udp4")
      socket.on("message", () => {
        answers++
        send(socket)
      })
      sockets.push(socket)
      for (let q = 0; q < 8; q++) send(socket)
    }
    setTimeout(() => {
      for (const socket of sockets) socket.close()
      resolve(answers / ((performance.now() - begin) / 1000))
    }, milliseconds)
  })

export default async (): Promise<ReadonlyArray<Figure>> => {
  if (lacking("coredns")) return [{ what: "CoreDNS is not built", value: "skipped" }]
  const starts = new Map<string, Array<number>>(Object.keys(forms).map((f) => [f, []]))
  for (let round = 0; round < 5; round++)
    for (const [name, form] of Object.entries(forms)) starts.get(name)!.push(await startTime(form))
  const start = (name: string) => median(starts.get(name)!)
  const names = Object.keys(forms).filter((n) => n !== "empty")
  const running = await Promise.all(names.map(async (n) => [n, await startCoreDns(forms[n]!)] as const))
  const rates = new Map<string, Array<number>>(names.map((n) => [n, []]))
  try {
    for (let round = 0; round < 8; round++)
      for (const [name, dns] of running) rates.get(name)!.push(await rate(dns.port, 400))
  } finally {
    for (const [, dns] of running) await dns.stop()
  }
  const of = (name: string) => median(rates.get(name)!.slice(1))
  const hand = of("zone by hand")
  const share = (name: string): Figure => {
    const value = of(name) / hand
    return {
      what: `answers, ${name} against a zone by hand`,
      value: `${(value * 100).toFixed(0)} %`,
      target: "≥ 90 %",
      ok: value >= 0.9
    }
  }
  return [
    { what: "CoreDNS with an empty configuration answers after", value: `${start("empty").toFixed(0)} ms` },
    atMost("our zone file of 10 000 names, later by", (start("our zone file") - start("empty")) / 1000, 0.3, "s"),
    atMost("our fragment of 10 000 names, later by", (start("our fragment") - start("empty")) / 1000, 0.3, "s"),
    { what: "a zone by hand answers", value: `${Math.round(hand).toLocaleString("en")} questions/s` },
    share("our zone file"),
    share("our fragment")
  ]
}
