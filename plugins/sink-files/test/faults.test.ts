/** F1 to F5: what disks, kills, people and other processes do to a folder while the sink works in it. */
import { Host } from "@coddiwomple/core/Host"
import { fromText } from "@coddiwomple/core/Inventory"
import { defaultLimits, secure } from "@coddiwomple/core/Guard"
import type { Desired } from "@coddiwomple/core/Desired"
import { executable, type Plan, type Report } from "@coddiwomple/core/Plan"
import type { PluginError } from "@coddiwomple/core/PluginError"
import type { SinkImpl } from "@coddiwomple/core/Sink"
import { FakeHost, FaultyFileSystem, Given, type Platform, Worlds } from "@coddiwomple/testing"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import plugin from "../src/index.ts"
import { after, before, fleet } from "./states.ts"

const safety = { policy: "sync" as const, limits: defaultLimits, allowDeletes: "all" as const, partitions: [] }

/** A process with this sink that delivers one generation. */
const once = (
  directory: string,
  desired: Desired,
  more: { readonly config?: object; readonly platform?: Platform } = {}
): Promise<{ readonly plan: Plan; readonly report: Report }> =>
  Effect.runPromise(
    Effect.gen(function* () {
      const config = yield* Schema.decodeUnknownEffect(plugin.config)({ path: ".", ...more.config })
      const sink = (yield* plugin.make(config)) as SinkImpl<Plan, PluginError>
      const plan = secure(yield* sink.plan(desired), { ...safety, held: desired.held })
      const idle = executable(plan).length === 0 && plan.bookkeeping !== true
      return { plan, report: idle ? { items: [] } : yield* sink.apply(plan, desired) }
    }).pipe(
      Effect.provideService(Host, FakeHost.make({ directory }).service),
      Effect.scoped,
      Effect.provide(more.platform ?? NodeServices.layer)
    )
  )

/** Path → text of all files but cw's own; with `own`, those alone. */
const texts = (root: string, own = false): ReadonlyMap<string, string> =>
  new Map(
    fs
      .readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((e) => e.isFile())
      .map((e) => join(e.parentPath, e.name))
      .map((file) => [file.slice(root.length + 1), fs.readFileSync(file, "utf8")] as const)
      .filter(([file]) => /(^|\/)\.cw/.test(file) === own)
      .sort(([a], [b]) => (a < b ? -1 : 1))
  )

const listed = (root: string): ReadonlySet<string> =>
  new Set(
    ["a", "b"].flatMap((cluster) => {
      const file = join(root, ".cw/clusters", cluster, "manifest.json")
      if (!fs.existsSync(file)) return []
      const inventory = fromText(fs.readFileSync(file, "utf8"))
      if ("problem" in inventory) throw new Error(inventory.problem)
      return [...inventory.entries.keys()].map((path) => `${cluster}/${path}`)
    })
  )

const whole = async (desired: Desired): Promise<ReadonlyMap<string, string>> => {
  using dir = Worlds.directory()
  await once(dir.directory, desired)
  return texts(dir.directory)
}

const [old, now] = await Promise.all([whole(before), whole(after)])

/** Each file is the old or the new one, and nothing that is there is unlisted. */
const expectSound = (root: string, what: string): void => {
  const entries = listed(root)
  for (const [file, text] of texts(root)) {
    // The index goes through states between the two.
    if (!file.endsWith("kustomization.yaml")) expect([old.get(file), now.get(file)], `${what}: ${file}`).toContain(text)
    expect(entries, `${what}: ${file}`).toContain(file)
  }
}

const expectConverges = async (root: string, what: string): Promise<void> => {
  await once(root, after)
  expect([...texts(root)], what).toEqual([...now])
  expect([...texts(root, true).keys()], what).toEqual([".cw/clusters/a/manifest.json", ".cw/clusters/b/manifest.json"])
  expect((await once(root, after)).plan.items, what).toEqual([])
}

it("F1: SIGKILL at any write, before it and in the middle: each file is old or new, all is listed, the next run converges", async () => {
  const program = join(import.meta.dirname, "killed.ts")
  const run = (root: string, nth: number, edge: string) => {
    const { signal, status, stderr, stdout } = spawnSync(process.execPath, [program, root, String(nth), edge], {
      encoding: "utf8"
    })
    if (signal === null && status !== 0) throw new Error(stderr)
    return { killed: signal === "SIGKILL", writes: Number(stdout) }
  }
  using probe = Worlds.directory()
  await once(probe.directory, before)
  const { writes } = run(probe.directory, 0, "before")
  expect(writes).toBeGreaterThan(20)
  // Each start of a process costs half a second: every fifth boundary, another fifth in the middle of the call; the core tries all.
  for (let nth = 1; nth <= writes; nth += 5)
    for (const [edge, at] of [
      ["before", nth],
      ["middle", Math.min(writes, nth + 1)]
    ] as const) {
      using dir = Worlds.directory()
      await once(dir.directory, before)
      expect(run(dir.directory, at, edge).killed).toBe(true)
      expectSound(dir.directory, `${edge} ${at}`)
      await expectConverges(dir.directory, `${edge} ${at}`)
    }
}, 180_000)

describe("F2: the disk says no at some write: the report says it, nothing is forgotten, and nothing deleted where something failed", () => {
  it.each(["ENOSPC", "EDQUOT", "EROFS", "EACCES", "EMFILE", "EIO"] as const)(
    "%s",
    async (code) => {
      for (const nth of [1, 2, 4, 7, 11, 16]) {
        using dir = Worlds.directory()
        await once(dir.directory, before)
        const platform = FaultyFileSystem.over({ nth, bring: code })(NodeServices.layer)
        const result = await once(dir.directory, after, { platform }).catch((error: Error) => error)
        const what = `${code} at write ${nth}`
        if (result instanceof Error) expect(result.message, what).toContain(code)
        else {
          const failed = result.report.items.filter((i) => i.outcome === "failed")
          expect(failed.length, what).toBeGreaterThan(0)
          expect(failed.map((i) => i.message).join(), what).toContain(code)
          const told = result.report.diagnostics?.filter((d) => d.code === "CW801") ?? []
          expect(told.map((d) => d.message).join(), what).toContain(code)
          for (const d of told) expect(d.help, what).toBeDefined()
        }
        // Deletes come last; records that cannot be written after them undo nothing.
        const bad =
          result instanceof Error
            ? ["a", "b"]
            : result.report.items
                .filter((i) => i.outcome === "failed" && i.op !== "delete" && !i.id.startsWith(".cw"))
                .map((i) => i.target)
        for (const file of old.keys())
          if (bad.includes(file[0]!)) expect([...texts(dir.directory).keys()], what).toContain(file)
        expectSound(dir.directory, what)
        await expectConverges(dir.directory, what)
      }
    },
    60_000
  )
})

it("F3: links, names that leave the tree, git's own, too long, and one place in two spellings are refused before any write", async () => {
  using dir = Worlds.directory()
  using outside = Worlds.directory()
  outside.write("secret", "theirs\n")
  const names = [
    "../evil",
    "x/../../evil",
    ".git/hooks/post-checkout",
    ".GIT/config",
    "/evil",
    `${"n".repeat(300)}.txt`,
    "Zone.txt",
    "zone.txt"
  ]
  const hostile = Given.desired(names.map((name) => Given.file(fleet, name, "boo\n")))
  const { plan, report } = await once(dir.directory, hostile)
  expect(plan.items.map((i) => i.op)).toEqual(Array.from({ length: 2 * names.length }, () => "conflict"))
  expect(report.items).toEqual([])
  expect([...texts(dir.directory).keys()]).toEqual([])
  // A link in the place of a folder, and one in the place of a file.
  await once(dir.directory, before)
  fs.rmSync(dir.path("a/default"), { recursive: true })
  fs.symlinkSync(outside.directory, dir.path("a/default"))
  fs.rmSync(dir.path("b/default/configmap-changes.yaml"))
  fs.symlinkSync(outside.path("secret"), dir.path("b/default/configmap-changes.yaml"))
  const there = [...texts(dir.directory)]
  const second = await once(dir.directory, after)
  expect([...second.plan.failed!.keys()].sort()).toEqual(["a", "b"])
  expect([...texts(dir.directory)]).toEqual(there)
  expect([...texts(outside.directory)]).toEqual([["secret", "theirs\n"]])
})

it("F4: an edited file is told and kept, or replaced by `overwrite`; a file of somebody's own is never touched", async () => {
  using dir = Worlds.directory()
  await once(dir.directory, before)
  dir.write("a/default/configmap-changes.yaml", "edited\n")
  dir.write("a/default/configmap-goes.yaml", "edited too\n")
  dir.write("a/default/NOTES", "mine\n")
  const { plan } = await once(dir.directory, after)
  expect(
    plan.items.filter((i) => i.op === "conflict" || i.op === "held").map((i) => `${i.op} ${i.target} ${i.id}`)
  ).toEqual(["conflict a default/configmap-changes.yaml", "held a default/configmap-goes.yaml"])
  expect(plan.diagnostics?.map((d) => d.code)).toEqual(["CW703", "CW703"])
  expect(dir.read("a/default/configmap-changes.yaml")).toBe("edited\n")
  expect(dir.read("b/default/configmap-changes.yaml")).toBe(now.get("b/default/configmap-changes.yaml"))
  await once(dir.directory, after, { config: { overwrite: true } })
  expect(dir.read("a/default/configmap-changes.yaml")).toBe(now.get("a/default/configmap-changes.yaml"))
  expect(dir.read("a/default/configmap-goes.yaml")).toBe("edited too\n")
  expect(dir.read("a/default/NOTES")).toBe("mine\n")
})

it("F5: two processes on one folder: who comes second is told who is there, and writes nothing", async () => {
  using dir = Worlds.directory()
  await once(dir.directory, before)
  const note = { pid: process.pid, machine: "elsewhere", since: new Date().toISOString(), token: "theirs" }
  dir.write(".cw/lock", JSON.stringify(note))
  await expect(once(dir.directory, after)).rejects.toMatchObject({
    retryable: true,
    diagnostics: [{ code: "CW804", message: expect.stringContaining("elsewhere") }]
  })
  expect([...texts(dir.directory)]).toEqual([...old])
  expect(JSON.parse(dir.read(".cw/lock"))).toEqual(note)
  dir.remove(".cw/lock")
  // Both at once: one may be locked out or late, and then comes again.
  const both = await Promise.allSettled([once(dir.directory, after), once(dir.directory, after)])
  expect(both.some((end) => end.status === "fulfilled")).toBe(true)
  await expectConverges(dir.directory, "both")
})

it.skipIf(process.platform === "win32")("a pipe where the lock should be is said, and waits for nobody", async () => {
  using dir = Worlds.directory()
  fs.mkdirSync(dir.path(".cw"), { recursive: true })
  spawnSync("mkfifo", [dir.path(".cw/lock")])
  await expect(once(dir.directory, before)).rejects.toMatchObject({
    retryable: false,
    diagnostics: [{ code: "CW804", message: expect.stringContaining("is not a file") }]
  })
  fs.rmSync(dir.path(".cw/lock"))
  expect((await once(dir.directory, before)).report.items.length).toBeGreaterThan(0)
})
