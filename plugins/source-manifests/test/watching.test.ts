/** Files that change while they are watched: what is broken or half written never makes a Service go. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { key, type SourceEvent } from "@coddiwomple/core/Fact"
import { Worlds } from "@coddiwomple/testing"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import { expect, it } from "vitest"
import { Partition } from "../src/Partition.ts"
import { service } from "./Reading.ts"

const whole = `${service("foo")}---\n${service("bar")}`

/** Looks at `file.yaml` after each step; `meanwhile` runs when the step's first reading is over. */
const look = (steps: ReadonlyArray<{ readonly text: string; readonly meanwhile?: string }>) =>
  Effect.gen(function* () {
    using world = Worlds.directory()
    world.write("file.yaml", whole)
    const fs = yield* FileSystem.FileSystem
    let meanwhile: string | undefined
    const readFile: typeof fs.readFile = (path) =>
      Effect.tap(fs.readFile(path), () =>
        Effect.sync(() => {
          if (meanwhile !== undefined) world.write("file.yaml", meanwhile)
          meanwhile = undefined
        })
      )
    const partition = new Partition(
      { fs: { ...fs, readFile }, path: yield* Path.Path },
      {
        name: "a",
        base: { directory: world.directory },
        paths: ["."],
        fact: undefined,
        rules: {
          naming: { cluster: "a", domain: "cluster.local", bareNames: new Set() },
          namespace: "default",
          counts: () => true
        },
        shown: () => "file.yaml"
      }
    )
    yield* partition.open
    const out: Array<string> = []
    for (const step of steps) {
      world.write("file.yaml", step.text)
      meanwhile = step.meanwhile
      out.push(...(yield* partition.again).map(told))
    }
    return out
  }).pipe(Effect.provide(NodeServices.layer), Effect.runPromise)

const told = (event: SourceEvent): string =>
  event._tag === "Delta"
    ? `+${event.upserts.map(key).join(" ")} -${event.removes.join(" ")}`
    : event._tag === "Freshness"
      ? `${event.state}: ${event.reason}`
      : event._tag

it("a file that became empty, or another text, is stale and takes nothing away", async () => {
  const found = await look([{ text: "" }, { text: "Error: chart not found\n" }, { text: whole }])
  expect(found).toEqual([
    "stale: file.yaml: file.yaml is empty",
    "stale: file.yaml: file.yaml holds no Kubernetes object: nothing has apiVersion and kind",
    "Snapshot"
  ])
})

it("a file that is being written is waited for: what it does not say yet is not gone", async () => {
  // What was seen to come back may be told once more.
  expect(await look([{ text: service("foo"), meanwhile: whole }])).toEqual(["+service/bar.shop backend/bar.shop/a -"])
  expect(await look([{ text: service("foo") }])).toEqual(["+ -service/bar.shop backend/bar.shop/a"])
})
