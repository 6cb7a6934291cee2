/**
 * Why a call goes where it goes, on 10 000 services in 100 clusters: `cw trace` as a person waits for it, and what the
 * check `routes` adds to each service of a run.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Artifact } from "@coddiwomple/core/Artifact"
import * as HashMap from "effect/HashMap"
import { routes } from "../../plugins/check-routes/src/Routes.ts"
import { services, write } from "./Fleet.ts"
import { atMost, type Figure, inTurns, type Job, median } from "./Measure.ts"
import { make, model, size } from "./transform.ts"

const cw = join(import.meta.dirname, "../../packages/cli/bin/cw.js")

/** Microseconds of a service, over the whole fleet; the best of several times. */
const perService = (profile: string): number => {
  const m = model()
  const impl = make({ profile })
  if (impl.shape !== "service") throw new Error("not a service transform")
  const all = [...HashMap.values(m.services)].map((service) => {
    const rendered = impl.run(service, m.fleet)
    return { service, artifacts: ("artifacts" in rendered ? rendered.artifacts : rendered) as ReadonlyArray<Artifact> }
  })
  const times = Array.from({ length: 5 }, () => {
    const started = performance.now()
    for (const { artifacts, service } of all) {
      const found = routes(service, artifacts, m.fleet, { allowPlaintext: true, namespace: "default" })
      if (found.length > 0) throw new Error(found[0]!.message)
    }
    return performance.now() - started
  })
  return (median(times) * 1000) / all.length
}

export default async (): Promise<ReadonlyArray<Figure>> => {
  const directory = mkdtempSync(join(tmpdir(), "cw-bench-trace-"))
  try {
    const files = await write(directory, size)
    const list = [...services(size)]
    const far = list.at(-1)!
    const tcp = list.find((s) => s.ports[0]!.protocol === "TCP")!
    const job = (service: (typeof list)[number], profile: string): Job => ({
      command: [
        process.execPath,
        cw,
        "trace",
        `${service.dns_prefixes[0]}.global`,
        "--from",
        "c-00",
        "--cluster-file",
        files.clusters,
        "--service-file",
        files.services,
        "--profile",
        profile
      ]
    })
    const runs = await inTurns(
      {
        empty: { command: [process.execPath, "-e", "0"] },
        mtls: job(far, "mtls"),
        tcp: job(tcp, "mtls"),
        classic: job(far, "classic")
      },
      9
    )
    const ms = (name: string) => runs[name]!.wall * 1000
    return [
      { what: "node -e 0", value: `${ms("empty").toFixed(0)} ms` },
      atMost("cw trace, the last service of the file", ms("mtls"), 300, "ms"),
      atMost("cw trace, a TCP service", ms("tcp"), 300, "ms"),
      atMost("cw trace, profile classic", ms("classic"), 300, "ms"),
      { what: "check routes, profile mtls", value: `${perService("mtls").toFixed(1)} µs a service` },
      { what: "check routes, profile classic", value: `${perService("classic").toFixed(1)} µs a service` }
    ]
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
