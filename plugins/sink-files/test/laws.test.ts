/** The laws that every sink keeps, for each way to lay files out. */
import { type Fault, FaultyFileSystem, Given, laws, type SinkSubject, Worlds } from "@coddiwomple/testing"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { afterAll, describe, it } from "vitest"
import plugin from "../src/index.ts"

const world = Worlds.directory()
/** A process that goes on keeps a journal: what its records say is the same, how they say it is not. */
const records = Worlds.directory({ ignore: (name) => name.includes(".cw/") })
afterAll(world.dispose)
afterAll(records.dispose)

const over = FaultyFileSystem.over
const faults: ReadonlyArray<Fault> = [
  { title: "the disk is full", must: "retryable", platform: over({ bring: "ENOSPC" }) },
  {
    title: "one file cannot be replaced",
    must: "reported",
    at: 1,
    platform: over({ op: "rename", path: "reviews", bring: "EBUSY" })
  },
  {
    title: "a write is torn",
    must: "reported",
    at: 1,
    platform: over({ op: ["write", "writeFile"], path: /\/a\//, times: 1, bring: "torn" })
  },
  {
    title: "the records cannot be written",
    must: "reported",
    at: 1,
    platform: over({ op: "rename", path: "manifest.json", bring: "EIO" })
  }
]

const subject: SinkSubject = {
  plugin,
  config: { path: "out" },
  rejects: [{ path: "" }, { path: "out", layout: 1 }, { path: "out", fsync: "sometimes" }],
  platform: NodeServices.layer,
  world,
  desired: Given.story({ forms: ["object", "file"] }),
  faults,
  interruptions: 40
}

describe.each<[title: string, subject: SinkSubject]>([
  ["a file per object", subject],
  [
    "a file per cluster",
    {
      ...subject,
      config: { path: "out", single: true, kustomization: false },
      faults: faults.slice(0, 1),
      interruptions: 15
    }
  ],
  [
    "by service, below the folder of the pipeline",
    { ...subject, config: { path: ".", layout: "c/{cluster}/{service}/{kind}-{name}.yaml" }, interruptions: 15 }
  ],
  ["a process that goes on", { ...subject, world: records, host: { finite: false }, interruptions: 15 }]
])("%s", (_title, subject) => {
  for (const law of laws(subject)) it(`${law.name}: ${law.title}`, law.run, law.timeout)
})
