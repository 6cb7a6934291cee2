/** Runs the source over a temporary folder, as the engine would in a run that ends by itself. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import type { Diagnostic } from "@coddiwomple/core/Diagnostic"
import { type Fact, key, type SourceEvent } from "@coddiwomple/core/Fact"
import type { PluginError } from "@coddiwomple/core/PluginError"
import { FakeHost, Worlds } from "@coddiwomple/testing"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Cause from "effect/Cause"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import json from "../src/index.ts"

export type Files = Readonly<Record<string, string | Uint8Array>>

export type Snapshot = Extract<SourceEvent, { readonly _tag: "Snapshot" }>

export interface Reading {
  readonly events: ReadonlyArray<SourceEvent>
  /** By partition. */
  readonly snapshots: Readonly<Record<string, Snapshot>>
  /** Of the stream's failure. */
  readonly refused: ReadonlyArray<Diagnostic>
  /** All diagnostics, wherever they stand. */
  readonly found: ReadonlyArray<Diagnostic>
}

export const readIn = async (directory: string, config: (typeof json.config)["Type"]): Promise<Reading> => {
  const program = Effect.gen(function* () {
    const impl = yield* json.make(config)
    return yield* Stream.runCollect(impl.events)
  })
  const host = FakeHost.make({ directory, finite: true, home: "/home/me" })
  const exit = await Effect.runPromiseExit(
    program.pipe(Effect.scoped, Effect.provide(host.layer), Effect.provide(NodeServices.layer))
  )
  const events: ReadonlyArray<SourceEvent> = Exit.isSuccess(exit) ? exit.value : []
  let refused: ReadonlyArray<Diagnostic> = []
  if (Exit.isFailure(exit)) {
    const error = Cause.squash(exit.cause)
    if ((error as PluginError)._tag !== "PluginError") throw error
    refused = (error as PluginError).diagnostics ?? []
  }
  const list = events.filter((e): e is Snapshot => e._tag === "Snapshot")
  return {
    events,
    snapshots: Object.fromEntries(list.map((s) => [s.partition, s])),
    refused,
    found: [
      ...refused,
      ...list.flatMap((s) => [...(s.bad ?? []).flatMap((b) => b.diagnostics), ...(s.diagnostics ?? [])])
    ]
  }
}

/** Reads these files from a folder of their own. */
export const read = async (files: Files): Promise<Reading> => {
  using world = Worlds.directory()
  for (const [name, text] of Object.entries(files)) fs.writeFileSync(world.path(name), text)
  const config = {
    ...("clusters.json" in files ? { clusters: "clusters.json" } : {}),
    ...("services.json" in files ? { services: "services.json" } : {}),
    watch: false
  }
  return await readIn(world.directory, config)
}

export const keys = (facts: ReadonlyArray<Fact>): ReadonlyArray<string> => facts.map(key)

/** `code line:col message`, in file order. */
export const lines = (found: ReadonlyArray<Diagnostic>): ReadonlyArray<string> =>
  found.map((d) => `${d.code} ${d.place?.line}:${d.place?.col} ${d.message}`)

/** The text that a place marks. */
export const marked = (d: Diagnostic): string | undefined =>
  d.place?.source?.slice((d.place.col ?? 1) - 1, (d.place.endCol ?? 1) - 1)

export const service = (name: string, more: object = {}) => ({
  name,
  dns_prefixes: [name],
  ports: [{ name: "http", protocol: "HTTP", service_port: 80, backend_port: 8080 }],
  backends: { a: `${name}.default.svc.cluster.local` },
  ...more
})
