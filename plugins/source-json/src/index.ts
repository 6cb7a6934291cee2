/**
 * The json source: clusters and services from files, in the formats of the original tool with additions.
 * Each file is one partition. It fails only while it has nothing to say; afterwards a broken file is stale.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { SourceEvent } from "@coddiwomple/core/Fact"
import * as Hints from "@coddiwomple/core/Hints"
import { Host } from "@coddiwomple/core/Host"
import { type Base, located } from "@coddiwomple/core/Located"
import * as PluginError from "@coddiwomple/core/PluginError"
import * as Source from "@coddiwomple/core/Source"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as ClusterEntry from "./ClusterEntry.ts"
import { Config } from "./Config.ts"
import { Input } from "./Input.ts"
import type { Disk } from "./InputFile.ts"
import { type Form, Partition } from "./Partition.ts"
import * as ServiceEntry from "./ServiceEntry.ts"

/** A change is looked at after this time: most writers need several steps. */
const settle = "30 millis"
const poll = 2000

export default Source.make({
  type: "json",
  summary: "Clusters and services from JSON files",
  config: Config,
  examples: [
    { summary: "The two files of the original tool", config: { clusters: "clusters.json", services: "services.json" } },
    {
      summary: "A services file that changes while cw runs",
      config: { services: "/etc/cw/services.json", watch: true }
    }
  ],
  make: Effect.fnUntraced(function* (config: Config) {
    const disk: Disk = { fs: yield* FileSystem.FileSystem, path: yield* Path.Path }
    const host = yield* Host
    const watched = config.watch && !host.finite
    if (config.clusters !== undefined && config.clusters === config.services) {
      const message = "`clusters` and `services` name the same file"
      const help = "give each list a file of its own"
      return yield* Effect.fail(PluginError.refused([Diagnostic.error("CW105", message, { field: "services", help })]))
    }
    const open = () => [
      ...(config.clusters === undefined ? [] : [input(disk, host, config.clusters, clusters)]),
      ...(config.services === undefined ? [] : [input(disk, host, config.services, services)])
    ]
    return {
      // Inputs remember what was said: every run of the stream starts with fresh ones.
      events: Stream.suspend(() => {
        const inputs = open()
        const partitions: SourceEvent = { _tag: "Partitions", names: inputs.map((i) => i.partition.name) }
        const events = watched ? watch(disk, inputs) : Stream.fromIterableEffect(first(inputs))
        return Stream.concat(Stream.make(partitions), events)
      }),
      endless: watched,
      // Can every file be read as a whole? What is wrong inside is for `cw validate`.
      probe: Effect.suspend(() => Effect.asVoid(first(open())))
    }
  })
})

const services = (): Form => ({ what: "service", ...ServiceEntry })

const clusters = (resolve: ClusterEntry.Resolve): Form => ({
  what: "cluster",
  identify: ClusterEntry.identify,
  decode: (value, spot, findings) => ClusterEntry.decode(value, spot, findings, resolve)
})

const input = (disk: Disk, base: Base, name: string, form: (resolve: ClusterEntry.Resolve) => Form): Input => {
  const { path } = disk
  const file = located(path, base, name)
  const near = path.relative(path.resolve(), file)
  const shown = near.startsWith("..") || path.isAbsolute(near) ? file : near
  const resolve = (to: string) => located(path, { directory: path.dirname(file), home: base.home }, to)
  return new Input(disk, { path: file, shown }, new Partition(name, shown, form(resolve)))
}

/** The first reading of all files: all of them, or everything that is wrong with any. */
const first = (inputs: ReadonlyArray<Input>): Effect.Effect<ReadonlyArray<SourceEvent>, PluginError.PluginError> =>
  Effect.flatMap(
    Effect.forEach(inputs, (i) => i.open),
    (readings) => {
      const failures = readings.flatMap((r) => (Result.isFailure(r) ? r.failure : []))
      const events = readings.flatMap((r) => (Result.isSuccess(r) ? r.success : []))
      if (failures.length === 0) return Effect.succeed(events)
      return Effect.fail(PluginError.refused([...failures, ...events.flatMap(findings)].sort(Diagnostic.compare)))
    }
  )

const findings = (event: SourceEvent): ReadonlyArray<Diagnostic.Diagnostic> =>
  event._tag === "Snapshot" ? [...(event.bad ?? []).flatMap((b) => b.diagnostics), ...(event.diagnostics ?? [])] : []

const watch = (disk: Disk, inputs: ReadonlyArray<Input>): Stream.Stream<SourceEvent, PluginError.PluginError> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const hints = yield* Hints.make(
        disk,
        inputs.map((i) => i.file.path)
      )
      const next = Effect.gen(function* () {
        const hurry = inputs.flatMap((i) => i.pause ?? [])
        yield* hints.wait(Math.min(poll, ...hurry))
        yield* Effect.sleep(settle)
        yield* hints.refresh
        return (yield* Effect.forEach(inputs, (i) => i.again)).flat()
      })
      const start = Effect.andThen(hints.refresh, first(inputs))
      return Stream.concat(Stream.fromIterableEffect(start), Stream.fromIterableEffectRepeat(next))
    })
  )
