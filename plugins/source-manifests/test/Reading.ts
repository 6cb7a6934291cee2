/** Runs the source over a temporary folder, as the engine would in a run that ends by itself. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import type { Diagnostic } from "@coddiwomple/core/Diagnostic"
import { type Fact, key, type SourceEvent } from "@coddiwomple/core/Fact"
import type { PluginError } from "@coddiwomple/core/PluginError"
import { FakeHost, Worlds } from "@coddiwomple/testing"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import manifests from "../src/index.ts"

type Snapshot = Extract<SourceEvent, { readonly _tag: "Snapshot" }>

export interface Reading {
  readonly facts: ReadonlyArray<Fact>
  readonly keys: ReadonlyArray<string>
  readonly snapshots: ReadonlyArray<Snapshot>
  /** `code file:line:col message`. */
  readonly found: ReadonlyArray<string>
  readonly diagnostics: ReadonlyArray<Diagnostic>
}

export const readIn = async (directory: string, config: unknown): Promise<Reading> => {
  const program = Effect.gen(function* () {
    const decoded = yield* Schema.decodeUnknownEffect(manifests.config)(config)
    const impl = yield* manifests.make(decoded)
    return yield* Stream.runCollect(impl.events)
  })
  const host = FakeHost.make({ directory, finite: true })
  const exit = await Effect.runPromiseExit(
    program.pipe(Effect.scoped, Effect.provide(host.layer), Effect.provide(NodeServices.layer))
  )
  let refused: ReadonlyArray<Diagnostic> = []
  if (Exit.isFailure(exit)) {
    const error = Cause.squash(exit.cause)
    if ((error as PluginError)._tag !== "PluginError") throw error
    refused = (error as PluginError).diagnostics ?? []
  }
  const snapshots = (Exit.isSuccess(exit) ? exit.value : []).filter((e): e is Snapshot => e._tag === "Snapshot")
  const facts = snapshots.flatMap((s) => s.facts)
  const diagnostics = [
    ...refused,
    ...snapshots.flatMap((s) => [...(s.bad ?? []).flatMap((b) => b.diagnostics), ...(s.diagnostics ?? [])])
  ]
  const line = (d: Diagnostic) =>
    `${d.code} ${d.place?.file
      .replace(`${directory}/`, "")
      .replace(/^.*\/(?=cw-laws)/, "")
      .replace(/^cw-laws-[^/]*\//, "")}:${d.place?.line}:${d.place?.col} ${d.message}`
  return { facts, keys: facts.map(key), snapshots, found: diagnostics.map(line), diagnostics }
}

/** Reads these files, all as cluster `a`. */
export const read = async (files: Readonly<Record<string, string>>, config: object = {}): Promise<Reading> => {
  using world = Worlds.directory()
  for (const [name, text] of Object.entries(files)) world.write(name, text)
  return await readIn(world.directory, { clusters: { a: { paths: Object.keys(files) } }, ...config })
}

export const service = (name: string, more = ""): string => `apiVersion: v1
kind: Service
metadata:
  name: ${name}
  namespace: shop
${more}spec:
  ports:
  - name: http
    port: 80
    targetPort: 8080
`
