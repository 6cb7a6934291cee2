// cw.lock.json is shared: by people who edit it, by pipelines of one file, and by what runs beside. Nobody's line is lost.
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "vitest"
import { cw, folder, start, write } from "./Cw.ts"
import { clusters, files, pipeline, services, sink } from "./Target.ts"

const pins = (cwd: string): Record<string, string> =>
  (JSON.parse(readFileSync(join(cwd, "cw.lock.json"), "utf8")) as { addresses: Record<string, string> }).addresses

const lock = (addresses: Record<string, string>): string => JSON.stringify({ version: 1, addresses })

it("keeps what somebody wrote into it while cw watches", async () => {
  const cwd = folder(files())
  const running = start(["run", "--watch"], { cwd })
  await running.said("out: generation 1")
  const before = pins(cwd)
  write(cwd, {
    "cw.lock.json": lock({ ...before, "of-a-colleague": "240.1.2.3" }),
    "services.json": services("reviews", "ratings", "details")
  })
  await running.said("out: generation 2")
  running.kill("SIGTERM")
  await running.done
  const after = pins(cwd)
  assert.deepStrictEqual(Object.keys(after).sort(), ["details", "of-a-colleague", "ratings", "reviews"])
  assert.include(after, { ...before, "of-a-colleague": "240.1.2.3" })
  assert.deepStrictEqual(
    readdirSync(cwd).filter((name) => name.startsWith("cw.lock.json")),
    ["cw.lock.json"]
  )
})

it("tells what the file gives to others meanwhile, and changes nothing of it", async () => {
  const cwd = folder(files())
  await cw(["run"], { cwd })
  const { ratings, reviews } = pins(cwd)
  write(cwd, { "cw.lock.json": lock({}), "state.json": "{}" })
  const running = start(["run", "--watch"], { cwd })
  await running.said("out: generation 1")
  const theirs = { another: ratings!, reviews: "240.1.2.3" }
  write(cwd, { "cw.lock.json": lock(theirs), "services.json": services("reviews", "ratings", "details") })
  await running.said(`belongs to another`)
  running.kill("SIGTERM")
  const { stderr } = await running.done
  assert.include(stderr, "error[CW516]")
  assert.include(stderr, `it gives reviews 240.1.2.3, and this run has given it ${reviews}`)
  assert.include(pins(cwd), theirs)
  assert.notProperty(pins(cwd), "ratings")
})

it("holds the pins of all pipelines of a file", async () => {
  const of = (name: string) => {
    const document = JSON.parse(pipeline({ name, target: { file: `${name}.json` } })) as {
      sources: { inventory: { with: { services: string } } }
    }
    document.sources.inventory.with.services = `${name}-services.json`
    return JSON.stringify(document)
  }
  const cwd = folder({
    "pipeline.yaml": `${of("one")}\n---\n${of("two")}\n`,
    "clusters.json": clusters,
    "one-services.json": services("reviews", "ratings"),
    "two-services.json": services("details"),
    "target.ts": sink
  })
  const { code, stderr } = await cw(["run"], { cwd })
  assert.strictEqual(code, 0, stderr)
  assert.deepStrictEqual(Object.keys(pins(cwd)), ["details", "ratings", "reviews"])
})
