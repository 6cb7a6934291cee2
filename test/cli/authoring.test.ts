// What authors of plugins meet: bad modules, bad behaviour, `--strict`, `cw new`, `cw test`, `cw render --diff`, exec.
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs"
import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import { cw, deno, folder, lines, records, root, start, write } from "./Cw.ts"
import { clusters, services } from "./Target.ts"

const inputs = { "clusters.json": clusters, "services.json": services("reviews", "ratings") }

const document = (more: object): string =>
  JSON.stringify(
    {
      apiVersion: "coddiwomple.io/v1alpha1",
      kind: "Pipeline",
      metadata: { name: "demo" },
      sources: { inventory: { uses: "json", with: { clusters: "clusters.json", services: "services.json" } } },
      transforms: { mesh: { uses: "istio-global-dns" } },
      sinks: { out: { uses: "stdout" } },
      ...more
    },
    null,
    1
  )

const module = (
  kind: "Source" | "Transform" | "Check" | "Sink",
  make: string,
  config = "Schema.Struct({})"
): string => `
import { Effect, Schema, Stream } from "effect"
import { Artifact, Check, Diagnostic, PluginError, Sink, Source, Transform } from "@coddiwomple/core"
let count = 0
export default ${kind}.make({ type: "mine", summary: "for a test", config: ${config}, make: ${make} })
`

const withTransform = (make: string) => ({
  ...inputs,
  "mine.ts": module("Transform", make),
  "pipeline.yaml": document({
    transforms: { mesh: { uses: "istio-global-dns" }, mine: { uses: "./mine.ts", from: ["mesh"] } }
  })
})
const withSink = (make: string, config?: string) => ({
  ...inputs,
  "mine.ts": module("Sink", make, config),
  "pipeline.yaml": document({ sinks: { out: { uses: "stdout" }, mine: { uses: "./mine.ts" } } })
})

describe("a plugin that behaves badly", () => {
  it("throws in make: plugin, node and file are named, nothing runs", async () => {
    const cwd = folder(withSink('() => { throw new Error("no licence") }'))
    const { code, stderr, stdout } = await cw(["run"], { cwd })
    assert.deepStrictEqual([code, stdout], [1, ""])
    assert.match(stderr, /error\[CW206\].*mine.*no licence/)
    assert.match(stderr, /pipeline\.yaml:\d+:\d+/)
    assert.notMatch(stderr, / {4}at /)
  })

  it("has a Schema that cannot become JSON Schema: plugin, key and cure are named, the rest goes on", async () => {
    const config =
      "Schema.Struct({ at: Schema.optionalKey(Schema.Date), store: Schema.Struct({ kind: Schema.optionalKey(Schema.Symbol) }).pipe(Schema.optionalKey) })"
    const cwd = folder(withSink("() => Sink.write(() => {})", config))
    const { code, stderr } = await cw(["validate"], { cwd })
    assert.strictEqual(code, 0)
    assert.match(
      stderr,
      /warning\[CW208\].*`\.\/mine\.ts` cannot become JSON Schema: at, store\.kind[^]*pipeline\.yaml:\d+:\d+[^]*DateFromString/
    )
    assert.strictEqual((await cw(["validate", "--strict"], { cwd })).code, 78)
    const schema = await cw(["schema"], { cwd })
    assert.deepStrictEqual([schema.code, schema.stderr], [0, ""])
    assert.include(schema.stdout, "istio-global-dns")
    assert.strictEqual((await cw(["explain", "./mine.ts"], { cwd })).code, 0)
  })

  it("releases what it holds: on success, on failure of another, and once", async () => {
    const hold = `() => Effect.acquireRelease(Effect.sync(() => { console.error("opened"); return Sink.write(() => {}) }), () => Effect.sync(() => console.error("closed")))`
    const cwd = folder(withSink(hold))
    for (const [args, code] of [
      [["run"], 0],
      [["plan"], 0]
    ] as const) {
      const said = await cw(args, { cwd })
      assert.deepStrictEqual(
        [said.code, lines(said.stderr).filter((l) => /^(opened|closed)$/.test(l))],
        [code, ["opened", "closed"]]
      )
    }
    write(cwd, {
      "bad.ts": module("Sink", '() => { throw new Error("no") }'),
      "pipeline.yaml": document({ sinks: { mine: { uses: "./mine.ts" }, bad: { uses: "./bad.ts" } } })
    })
    const failed = await cw(["run"], { cwd })
    assert.deepStrictEqual(
      [failed.code, lines(failed.stderr).filter((l) => /^(opened|closed)$/.test(l))],
      [1, ["opened", "closed"]]
    )
  })

  it("throws while it works: the generation is refused, or the sink alone fails", async () => {
    const transform = folder(
      withTransform(
        '() => Transform.artifact((a) => { if (a.service === "ratings") throw new Error("odd"); return [a] })'
      )
    )
    const refused = await cw(["run"], { cwd: transform })
    assert.deepStrictEqual([refused.code, refused.stdout], [1, ""])
    assert.match(refused.stderr, /error\[CW620\]: transform mine \(mine\) failed on service ratings: odd/)
    const sink = folder(withSink('() => Sink.write(() => { throw PluginError.permanent("the wall") })'))
    const failed = await cw(["run"], { cwd: sink })
    assert.strictEqual(failed.code, 3)
    assert.match(failed.stderr, /mine.*the wall/)
    assert.include(failed.stdout, "reviews.global", "the other sink has its generation")
  })

  it("changes its input or is not deterministic: --strict refuses, and the laws see it", {
    timeout: 120_000
  }, async () => {
    const bad: Readonly<Record<string, string>> = {
      sorts: "() => Transform.service((s) => { s.hosts.push('x'); return [] })",
      counts: `() => Transform.artifact((a) => [Artifact.edit(a, (b) => ({ ...b, metadata: { ...b.metadata, labels: { n: String(count++) } } }))])`,
      dates: `() => Transform.set(({ artifacts }) => artifacts.map((a) => Artifact.edit(a, (b) => ({ ...b, at: count++ }))))`,
      today: `() => Transform.artifact((a) => [Artifact.edit(a, (b) => ({ ...b, day: new Date().toISOString().slice(0, 10) }))])`
    }
    for (const [name, make] of Object.entries(bad)) {
      const files = withTransform(make)
      const cwd = folder(
        name === "sorts"
          ? { ...files, "pipeline.yaml": document({ transforms: { mine: { uses: "./mine.ts" } } }) }
          : files
      )
      for (const command of ["render", "run"]) {
        const strict = await cw([command, "--strict"], { cwd })
        assert.deepStrictEqual([strict.code, strict.stdout], [1, ""], `${name} ${strict.stderr}`)
        assert.match(
          strict.stderr,
          /error\[CW626\]: transform `mine` \(\.\/mine\.ts\) (tries to change its input|makes something else)/
        )
        assert.match(strict.stderr, /pipeline\.yaml:\d+:\d+/)
      }
      assert.strictEqual((await cw(["render"], { cwd })).code, 0, "without --strict nobody looks")
    }
  })

  it("passes --strict where it is good, and prints the same", async () => {
    const cwd = folder(withTransform("() => Transform.set(async ({ artifacts }) => artifacts)"))
    const [plain, strict] = [await cw(["render"], { cwd }), await cw(["render", "--strict"], { cwd })]
    assert.deepStrictEqual([strict.code, strict.stdout], [0, plain.stdout], strict.stderr)
  })
})

describe("render", () => {
  it("shows what a node changes, and how long each takes", async () => {
    const label = `() => Transform.artifact((a) => [Artifact.edit(a, (b) => ({ ...b, metadata: { ...b.metadata, labels: { ...b.metadata.labels, team: "mesh" } } }))])`
    const cwd = folder(withTransform(label))
    const diff = await cw(["render", "--diff", "mine", "--trace"], { cwd })
    assert.strictEqual(diff.code, 0, diff.stderr)
    assert.match(diff.stdout, /^# clusters? /)
    assert.include(diff.stdout, "+    team: mesh\n")
    assert.notMatch(diff.stdout, /^-[^-]/m, "nothing was taken away")
    assert.match(diff.stderr, /mesh +\d+\.\d ms\n/)
    assert.deepStrictEqual((await cw(["render", "--diff", "mien"], { cwd })).code, 64)
    const none = folder(withTransform("() => Transform.artifact((a) => [a])"))
    const same = await cw(["render", "--diff", "mine"], { cwd: none })
    assert.deepStrictEqual([same.code, same.stdout], [0, ""])
    assert.include(same.stderr, "passes everything on")
  })
})

describe("exec", () => {
  it("runs in a pipeline, logs under its node, and is refused by --no-plugins", async () => {
    const exec = { uses: "exec", from: ["mesh"], with: { command: ["sh", "-c", "echo hello >&2; cat"] } }
    const cwd = folder({
      ...inputs,
      "pipeline.yaml": document({ transforms: { mesh: { uses: "istio-global-dns" }, mark: exec } })
    })
    const ran = await cw(["run"], { cwd })
    assert.strictEqual(ran.code, 0, ran.stderr)
    assert.include(ran.stderr, "mark: hello")
    assert.strictEqual(ran.stdout, (await cw(["render", "--stage", "mesh"], { cwd })).stdout)
    const json = records((await cw(["run", "-o", "json"], { cwd })).stderr)
    assert.deepInclude(
      json.find((line) => line.type === "log"),
      { level: "info", message: "mark: hello" }
    )
    const untrusted = await cw(["run", "--no-plugins"], { cwd })
    assert.deepStrictEqual([untrusted.code, untrusted.stdout], [78, ""])
    assert.match(untrusted.stderr, /error\[CW640\]/)
    assert.strictEqual((await cw(["validate", "--no-plugins"], { cwd })).code, 0)
  })

  it("refuses what would be delivered, with a place", async () => {
    const check = { uses: "exec", with: { command: ["false"] } }
    const cwd = folder({ ...inputs, "pipeline.yaml": document({ checks: { policy: check } }) })
    const { code, stderr, stdout } = await cw(["run"], { cwd })
    assert.deepStrictEqual([code, stdout], [1, ""])
    assert.match(stderr, /error\[CW641\]: false ended with code 1/)
  })
})

describe("hot reload", () => {
  it("of a changed plugin file restarts its node alone", { timeout: 60_000 }, async () => {
    const sink = (said: string) =>
      `() => Effect.acquireRelease(Effect.sync(() => { console.error("${said} opened"); return Sink.write(() => console.error("${said} wrote")) }), () => Effect.sync(() => console.error("${said} closed")))`
    const cwd = folder({
      ...inputs,
      "one.ts": module("Sink", sink("one")),
      "two.ts": module("Sink", sink("two")),
      "pipeline.yaml": document({ sinks: { one: { uses: "./one.ts" }, two: { uses: "./two.ts" } } })
    })
    const running = start(["run", "--watch"], { cwd })
    await running.said("two wrote")
    await running.said("one wrote")
    write(cwd, { "one.ts": module("Sink", sink("next")) })
    const later = new Date(Date.now() + 5000)
    utimesSync(join(cwd, "one.ts"), later, later)
    await running.said("next wrote")
    await running.said("one closed")
    writeFileSync(join(cwd, "one.ts"), "export default 1\n")
    await running.said("CW203")
    running.kill("SIGTERM")
    const { code, stderr } = await running.done
    assert.strictEqual(code, 0, stderr)
    const count = (text: string) => lines(stderr).filter((l) => l === text).length
    assert.deepStrictEqual([count("two opened"), count("next opened"), count("next closed")], [1, 1, 1], stderr)
  })
})

const test = (more: object): string =>
  JSON.stringify(
    {
      apiVersion: "coddiwomple.io/v1alpha1",
      kind: "PipelineTest",
      metadata: { name: "two services" },
      given: { sources: { inventory: { clusters: "clusters.json", services: JSON.parse(services("foo", "bar")) } } },
      expect: {},
      ...more
    },
    null,
    1
  )

describe("cw test", () => {
  const files = { ...inputs, "pipeline.yaml": document({}) }

  it("compares what nodes make: count, parts, absence, golden files, findings", async () => {
    const cwd = folder({
      ...files,
      "a.test.yaml": test({
        expect: {
          mesh: {
            contains: [{ kind: "ServiceEntry", spec: { hosts: ["foo.global"] }, cluster: "west" }],
            absent: [{ kind: "EnvoyFilter" }],
            golden: "golden/mesh.yaml"
          },
          out: { absent: [{ metadata: { name: "reviews" } }] },
          diagnostics: []
        }
      })
    })
    const missing = await cw(["test"], { cwd })
    assert.deepStrictEqual([missing.code, missing.stdout], [1, ""])
    assert.match(missing.stderr, /error\[CW681\]: golden\/mesh\.yaml does not exist[^]*a\.test\.yaml:\d+:\d+/)
    assert.strictEqual((await cw(["test", "--update"], { cwd })).code, 0)
    const golden = readFileSync(join(cwd, "golden/mesh.yaml"), "utf8")
    assert.match(golden, /^# cluster "east"\n---\n/)
    assert.strictEqual((await cw(["test", "--junit", "out.xml"], { cwd })).code, 0)
    assert.match(readFileSync(join(cwd, "out.xml"), "utf8"), /tests="1" failures="0"/)
    writeFileSync(join(cwd, "golden/mesh.yaml"), golden.replace("foo.global", "fob.global"))
    const changed = await cw(["test", "--junit", "out.xml"], { cwd })
    assert.strictEqual(changed.code, 1)
    assert.match(changed.stderr, /CW681[^]*-.*fob\.global\n[^]*\+.*foo\.global/)
    assert.match(readFileSync(join(cwd, "out.xml"), "utf8"), /failures="1"[^]*<failure message=/)
  })

  it("tells every unmet expectation with its place, and the nearest miss", async () => {
    const cwd = folder({
      ...files,
      "a.test.yaml": test({
        expect: {
          mesh: {
            count: 1,
            contains: [{ kind: "ServiceEntry", spec: { hosts: ["fo.global"] } }],
            absent: [{ kind: "ServiceEntry" }]
          },
          diagnostics: [{ code: "CW501" }]
        }
      })
    })
    const { code, stdout } = await cw(["test", "-o", "json"], { cwd })
    assert.strictEqual(code, 1)
    const found = records(stdout).filter((r) => r.type === "diagnostic")
    assert.deepStrictEqual(
      found.map((d) => d.code),
      Array(4).fill("CW680")
    )
    for (const d of found) assert.isNumber((d.place as { line: number }).line)
    assert.isTrue(found.some((d) => /spec\.hosts is \["foo\.global"\], not \["fo\.global"\]/.test(String(d.help))))
    assert.deepInclude(records(stdout).at(-1), { type: "tested", passed: 0, failed: 1 })
  })

  it("sees findings: held services and warnings, exactly those that are expected", async () => {
    const held = [{ name: "foo", dns_prefixes: ["foo"], ports: [], backends: { north: "x" } }]
    const given = { sources: { inventory: { clusters: "clusters.json", services: held } } }
    const cwd = folder({ ...files, "a.test.yaml": test({ given }) })
    const surprised = await cw(["test"], { cwd })
    assert.strictEqual(surprised.code, 1)
    assert.match(surprised.stderr, /unexpected error\[CW\d+\]/)
  })

  it("runs every test twice and with shuffled facts: what differs is CW626", async () => {
    const counting = `() => Transform.model(({ model }) => [Artifact.object(model.fleet.all, { apiVersion: "v1", kind: "X", metadata: { name: "x" }, n: count++ })])`
    const ordered = `() => Transform.model(({ model }) => [Artifact.object(model.fleet.all, { apiVersion: "v1", kind: "X", metadata: { name: "x" }, first: [...model.services][0][0] })])`
    for (const [make, says] of [
      [counting, /CW626[^]*second run/],
      [ordered, /CW626[^]*another order|1 passed/]
    ] as const) {
      const cwd = folder({
        ...inputs,
        "mine.ts": module("Transform", make),
        "pipeline.yaml": document({ transforms: { mine: { uses: "./mine.ts" } } }),
        "a.test.yaml": test({})
      })
      assert.match((await cw(["test"], { cwd })).stderr, says)
    }
  })

  it("never touches the real sources and sinks", async () => {
    const boom = (kind: "Source" | "Sink") => module(kind, '() => { throw new Error("touched") }')
    const cwd = folder({
      ...inputs,
      "src.ts": boom("Source"),
      "snk.ts": boom("Sink"),
      "pipeline.yaml": document({ sources: { inventory: { uses: "./src.ts" } }, sinks: { out: { uses: "./snk.ts" } } }),
      "a.test.yaml": test({ expect: { out: { contains: [{ kind: "ServiceEntry" }] } } })
    })
    const { code, stderr } = await cw(["test"], { cwd })
    assert.strictEqual(code, 0, stderr)
  })

  it("says all that is wrong with a test: 78; with the command line: 64", async () => {
    const cwd = folder({
      ...files,
      "a.test.yaml": test({
        given: { sources: { inventroy: {}, inventory: { clusters: "gone.json" } } },
        expect: { mseh: { count: 1 }, mesh: { cuont: 1 } }
      }),
      "b.test.yaml": test({
        given: { sources: { inventroy: {}, inventory: { clusters: "gone.json" } } },
        expect: { mseh: { count: 1 } }
      })
    })
    const { code, stderr } = await cw(["test"], { cwd })
    assert.strictEqual(code, 78)
    assert.match(stderr, /a\.test\.yaml:\d+:\d+[^]*did you mean "count"/)
    for (const part of [
      /unknown source `inventroy`[^]*did you mean "inventory"/,
      /gone\.json does not exist/,
      /unknown node `mseh`[^]*did you mean "mesh"/
    ])
      assert.match(stderr, part)
    assert.strictEqual((await cw(["test", "nowhere"], { cwd })).code, 64)
    assert.strictEqual(
      (
        await cw(["test", "--filter", "zzz", "--", "c.test.yaml"], {
          cwd: folder({ ...files, "c.test.yaml": test({}) })
        })
      ).code,
      64
    )
    assert.strictEqual((await cw(["test"], { cwd: folder({}) })).code, 64)
  })

  it("runs laws of plugins, and says which is broken and how", async () => {
    const laws = `
import { test } from "node:test"
import { Given, laws } from "@coddiwomple/testing"
import plugin from "./mine.ts"
for (const law of laws({ plugin, config: {}, models: [Given.facts({ services: { reviews: {} } })] })) test(law.name, () => law.run())
test.skip("later", () => {})
`
    const cwd = folder({
      "mine.ts": module("Transform", "() => Transform.service((s) => { s.hosts.push('x'); return [] })"),
      "mine.test.ts": laws
    })
    const { code, stderr } = await cw(["test"], { cwd })
    assert.strictEqual(code, 1)
    assert.match(
      stderr,
      /✗ mine\.test\.ts: T2[^]*error\[CW682\].*T2 .*is broken: the transform tries to change its input/
    )
    assert.match(stderr, /1 skipped/)
    const untrusted = await cw(["test", "--no-plugins"], { cwd })
    assert.strictEqual(untrusted.code, 78)
    assert.include(untrusted.stderr, "CW207")
  })
})

describe("cw new", () => {
  for (const kind of ["source", "transform", "check", "sink"]) {
    it(`${kind}: green at once, runs, has types, and can be packed`, { timeout: 120_000 }, async () => {
      const cwd = folder()
      assert.strictEqual((await cw(["new", kind, "acme"], { cwd })).code, 0)
      const at = { cwd: join(cwd, "acme") }
      const tested = await cw(["test"], at)
      assert.strictEqual(tested.code, 0, tested.stderr)
      assert.match(tested.stderr, /\n\d+ passed/)
      const ran = await cw(["run"], at)
      assert.strictEqual(ran.code, 0, ran.stderr)
      assert.strictEqual((await cw(["new", kind, "acme"], { cwd })).code, 1, "nothing is overwritten")
      if (deno) return
      execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", "."], at)
      execFileSync(process.execPath, ["build.mjs"], { ...at, stdio: "pipe" })
      assert.deepStrictEqual(readdirSync(join(at.cwd, "dist")), ["Config.js", "index.js"])
      const packed = JSON.parse(readFileSync(join(at.cwd, "package.json"), "utf8")) as { name: string }
      // As npm would install it beside a pipeline.
      const modules = join(cwd, "node_modules", packed.name)
      mkdirSync(modules, { recursive: true })
      execFileSync("cp", ["-r", "package.json", "dist", modules], at)
      const uses = readFileSync(join(at.cwd, "pipeline.yaml"), "utf8").replace("./src/index.ts", `npm:${packed.name}`)
      write(cwd, { "pipeline.yaml": uses.replaceAll("fixtures/", "acme/fixtures/") })
      const installed = await cw(["run"], { cwd })
      assert.strictEqual(installed.code, 0, installed.stderr)
    })
  }

  it("refuses names that cannot be, and kinds that are not", async () => {
    const cwd = folder()
    for (const args of [["sink", "Acme"], ["sink", "mesh"], ["snik", "acme"], ["sink"]])
      assert.strictEqual((await cw(["new", ...args], { cwd })).code, 64, args.join(" "))
    assert.isFalse(existsSync(join(cwd, "Acme")))
  })
})
