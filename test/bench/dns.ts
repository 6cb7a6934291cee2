/**
 * Real CoreDNS with our forms against an empty configuration and a hand-written zone file, 10 000 names. Questions come
 * from dnsperf, which asks faster than CoreDNS answers; on the same cores, so rates compare with each other and with
 * nothing else.
 */
import { execFile, execFileSync, spawnSync } from "node:child_process"
import { createSocket } from "node:dgram"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
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
const question = ask(exact[0]!.host, 1)

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
      const timer = setInterval(() => socket.send(question, port, "127.0.0.1"), 5)
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

/** Seconds of processor time that a process has taken; hundredths. */
const processor = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ")
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/**
 * Answers per second of CoreDNS's own processor time, with 200 questions on the way: others that use the machine count
 * less that way. All answers right, or there is no rate.
 */
const rate = (port: number, pid: number, list: string): number => {
  const args = ["-s", "127.0.0.1", "-p", String(port), "-d", list, "-n", "2", "-c", "8", "-q", "200", "-t", "2"]
  const before = processor(pid)
  const said = execFileSync("dnsperf", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })
  const [, answers] = /Queries completed:\s+(\d+)/.exec(said) ?? []
  if (answers === undefined || !/Response codes:\s+NOERROR \d+ \(100\.00%\)/.test(said))
    throw new Error(`not every question was answered: ${said}`)
  return Number(answers) / (processor(pid) - before)
}

/** By form, in rounds: all forms take turns. */
const rates = async (names: ReadonlyArray<string>): Promise<ReadonlyMap<string, ReadonlyArray<number>>> => {
  const dir = mkdtempSync(join(tmpdir(), "cw-bench-dns-"))
  const list = join(dir, "questions")
  writeFileSync(list, exact.map((_, i) => `${exact[(i * 7919) % count]!.host} A\n`).join(""))
  const running = await Promise.all(names.map(async (n) => [n, await startCoreDns(forms[n]!)] as const))
  const all = new Map<string, Array<number>>(names.map((n) => [n, []]))
  try {
    for (let round = 0; round < 8; round++)
      for (const [name, dns] of running) all.get(name)!.push(rate(dns.port, dns.program.pid, list))
  } finally {
    for (const [, dns] of running) await dns.stop()
    rmSync(dir, { recursive: true, force: true })
  }
  return new Map([...all].map(([name, values]) => [name, values.slice(2)]))
}

export default async (): Promise<ReadonlyArray<Figure>> => {
  if (lacking("coredns")) return [{ what: "CoreDNS is not built", value: "skipped" }]
  const starts = new Map<string, Array<number>>(Object.keys(forms).map((f) => [f, []]))
  for (let round = 0; round < 5; round++)
    for (const [name, form] of Object.entries(forms)) starts.get(name)!.push(await startTime(form))
  const start = (name: string) => median(starts.get(name)!)
  const starting: ReadonlyArray<Figure> = [
    { what: "CoreDNS with an empty configuration answers after", value: `${start("empty").toFixed(0)} ms` },
    atMost("our zone file of 10 000 names, later by", (start("our zone file") - start("empty")) / 1000, 0.3, "s"),
    atMost("our fragment of 10 000 names, later by", (start("our fragment") - start("empty")) / 1000, 0.3, "s")
  ]
  if (spawnSync("dnsperf", ["-h"]).error !== undefined)
    return [...starting, { what: "rates of answers: install dnsperf (Debian package dnsperf)", value: "skipped" }]
  const found = await rates(Object.keys(forms).filter((n) => n !== "empty"))
  const hand = found.get("zone by hand")!
  const share = (name: string): Figure => {
    // Round by round: what else the machine does then is the same for both.
    const value = median(found.get(name)!.map((n, round) => n / hand[round]!))
    return {
      what: `answers, ${name} against a zone by hand`,
      value: `${(value * 100).toFixed(0)} %`,
      target: "≥ 90 %",
      ok: value >= 0.9
    }
  }
  return [
    ...starting,
    {
      what: "a zone by hand answers",
      value: `${Math.round(median(hand)).toLocaleString("en")} questions per second of its processor time`
    },
    share("our zone file"),
    share("our fragment")
  ]
}
