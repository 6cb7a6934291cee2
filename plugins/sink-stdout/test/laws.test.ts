/** The laws that every sink keeps, for each format. */
import { permanent, type PluginError, retryable } from "@coddiwomple/core/PluginError"
import { Given, laws, type SinkSubject, Worlds } from "@coddiwomple/testing"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import plugin from "../src/index.ts"

const world = Worlds.stdout()
let trouble: PluginError | undefined
const failing = (error: PluginError) => ({
  arrange: () => {
    trouble = error
  },
  release: () => {
    trouble = undefined
  }
})

const subject = (format: string): SinkSubject => ({
  plugin,
  config: { format },
  accepts: [{ clusters: [] }, { services: ["reviews"], clusters: ["a"] }],
  rejects: [{ format: "xml" }, { clusters: [""] }, { clusters: "a" }],
  world: {
    ...world,
    host: {
      stdout: (bytes) =>
        Effect.suspend(() => (trouble === undefined ? world.host!.stdout!(bytes) : Effect.fail(trouble)))
    }
  },
  desired: Given.story(),
  faults: [
    { title: "the reader is slow to come back", must: "retryable", ...failing(retryable("the pipe is full")) },
    { title: "the disk behind it is gone", must: "permanent", ...failing(permanent("no such device")) }
  ],
  without: { S4: "nobody else's things can be in what this process prints" }
})

describe.each(["yaml", "classic", "json"])("format %s", (format) => {
  for (const law of laws(subject(format))) it(`${law.name}: ${law.title}`, law.run, law.timeout)
})

it("something was printed", () => expect(world.text()).toContain("reviews"))
