import * as NodeServices from "@effect/platform-node/NodeServices"
import { afterAll, describe, expect, it } from "vitest"
import { FaultyFileSystem, Given, judge, type LawName, laws, type SinkSubject, Worlds } from "../src/index.ts"
import alwaysUpdates from "./broken/S1-AlwaysUpdates.ts"
import writesWhilePlanning from "./broken/S2-WritesWhilePlanning.ts"
import tears from "./broken/S3-Tears.ts"
import forgetsOnInterrupt from "./broken/S3-ForgetsOnInterrupt.ts"
import takesAll from "./broken/S4-TakesAll.ts"
import everythingRetryable from "./broken/S5-EverythingRetryable.ts"
import swallows from "./broken/S5-Swallows.ts"
import good from "./good/FilesSink.ts"
import { breaks } from "./breaks.ts"

const world = Worlds.directory()
afterAll(world.dispose)

const subject: SinkSubject = {
  plugin: good,
  world,
  platform: NodeServices.layer,
  desired: Given.story(),
  interruptions: 60,
  faults: [
    {
      title: "the disk is full",
      must: "retryable",
      platform: FaultyFileSystem.over({ op: "writeFile", nth: 2, bring: "ENOSPC" })
    },
    {
      title: "the folder may not be written",
      must: "permanent",
      platform: FaultyFileSystem.over({ op: "rename", bring: "EACCES" })
    },
    {
      title: "a write is torn",
      must: "retryable",
      at: 1,
      platform: FaultyFileSystem.over({ op: "writeFile", times: 1, bring: "torn" })
    }
  ]
}

describe("a good sink", () => {
  for (const law of laws(subject)) it(`${law.name}: ${law.title}`, law.run, law.timeout)
})

describe("broken sinks", () => {
  it.each([
    [
      "S1",
      alwaysUpdates,
      /after the apply of generation 1, the same process still plans changes[\s\S]*update out a\/_ConfigMap_default_fleet\.yaml/
    ],
    ["S2", writesWhilePlanning, /planning generation 1 wrote[\s\S]*\+ out\/plan\.txt/],
    ["S3", tears, /killed in the middle of step \d+ of generation \d.*does not converge[\s\S]*conflict out/],
    [
      "S3",
      forgetsOnInterrupt,
      /interrupted (before|after) step \d+ of generation \d.*does not converge[\s\S]*conflict out/
    ],
    ["S4", takesAll, /the plan deletes what the sink did not create[\s\S]*delete out/],
    ["S5", everythingRetryable, /the fault "the folder may not be written" must be permanent, but is retryable/],
    ["S5", swallows, /the fault "the disk is full" went unnoticed/]
  ] as const)("%s", async (law: LawName, plugin, message) => {
    await breaks(judge(law, { ...subject, plugin }), law, message)
  })

  it("a law that cannot be judged is not kept", async () => {
    const { faults: _faults, ...rest } = subject
    await breaks(judge("S5", rest), "S5", /it cannot be judged: give the subject `faults`[\s\S]*without: { S5: "…" }/)
    const declined = laws({ ...rest, without: { S5: "nothing fails here" } }).find((l) => l.name === "S5")
    expect(declined?.title).toContain("does not apply: nothing fails here")
    await declined?.run()
  })

  it("a world that does not look is noticed", async () => {
    await breaks(
      judge("S1", { ...subject, world: { ...world, fingerprint: () => new Map() } }),
      "S1",
      /the apply changed nothing that the world shows/
    )
  })
})
