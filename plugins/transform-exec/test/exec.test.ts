/** Real commands: functions as they exist, and every way in which a command can go wrong, each told apart. */
import { execFileSync, spawn, spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import type { Artifact } from "@coddiwomple/core/Artifact"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { Host } from "@coddiwomple/core/Host"
import { decodeOptions } from "@coddiwomple/core/Node"
import { NodeName } from "@coddiwomple/core/NodeName"
import type { AnyPlugin } from "@coddiwomple/core/Plugin"
import { type Eventually, eventually, PluginError } from "@coddiwomple/core/PluginError"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { FakeHost, Given, Worlds } from "@coddiwomple/testing"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import { afterAll, assert, describe, it } from "vitest"
import check from "../src/check.ts"
import transform from "../src/index.ts"

const fixtures = join(import.meta.dirname, "fixtures")
const world = Worlds.directory()
afterAll(world.dispose)

const model = Given.model({ services: { reviews: { in: ["a", "b"] } } })
const objects = [
  Given.configMap(model.fleet, "one", { on: "yes", time: "12:30:45", day: "2001-01-01" }),
  Given.configMap(model.fleet, "reviews", { x: "1e3" }, { service: "reviews" })
]

interface Said {
  readonly artifacts: ReadonlyArray<Artifact>
  readonly found: ReadonlyArray<Diagnostic.Diagnostic>
  readonly failed: boolean
  readonly log: ReadonlyArray<string>
}

/** One call of the plugin for cluster a, as the engine makes it. */
const call = (plugin: AnyPlugin, config: object, artifacts: ReadonlyArray<Artifact> = objects): Promise<Said> => {
  const log: Array<string> = []
  const input = { cluster: model.fleet.clusters[0]!, artifacts, model }
  return Effect.gen(function* () {
    const schema = plugin.config as Schema.ConstraintCodec<unknown, unknown>
    const decoded = yield* Schema.decodeUnknownEffect(schema, decodeOptions)(config)
    const impl = (yield* plugin.make(decoded)) as { readonly run: (input: unknown) => Eventually<unknown> }
    return yield* eventually(() => impl.run(input))
  }).pipe(
    Effect.match({
      onFailure: (e): Said => ({
        artifacts: [],
        found: e instanceof PluginError ? (e.diagnostics ?? []) : [],
        failed: true,
        log
      }),
      onSuccess: (r): Said => {
        const given = r as
          | ReadonlyArray<Diagnostic.Diagnostic>
          | { artifacts: ReadonlyArray<Artifact>; diagnostics: ReadonlyArray<Diagnostic.Diagnostic> }
        return "artifacts" in given
          ? { artifacts: given.artifacts, found: given.diagnostics, failed: false, log }
          : { artifacts: [], found: given, failed: false, log }
      }
    }),
    Effect.scoped,
    Effect.provideService(NodeName, "mark"),
    Effect.provideService(Host, FakeHost.make({ directory: world.directory }).service),
    Effect.provide(NodeServices.layer),
    Effect.provide(Logger.layer([Logger.make(({ message }) => void log.push(String(message)))])),
    (effect) => Effect.runPromise(effect as Effect.Effect<Said>)
  )
}

const shell = (script: string, more: object = {}) => call(transform, { command: ["sh", "-c", script], ...more })

const only = (said: Said): Diagnostic.Diagnostic => {
  const errors = said.found.filter(Diagnostic.isError)
  assert.lengthOf(errors, 1, JSON.stringify(said.found))
  return errors[0]!
}

const python = ["python3", "/usr/bin/python3"].find((p) => spawnSync(p, ["-c", "import yaml"]).status === 0)
const go = spawnSync("go", ["version"]).status === 0

describe("functions", () => {
  it("get everything back as it was, whatever YAML makes of it", async () => {
    const { artifacts, found } = await call(transform, { command: [join(fixtures, "pass.sh")] })
    assert.deepStrictEqual(found, [])
    assert.deepStrictEqual(
      artifacts.map((a) => [a.id, a.text, a.service, a.ownership]),
      objects.map((a) => [a.id, a.text, a.service, a.ownership])
    )
  })

  it.skipIf(python === undefined)("in Python, as they exist: labels from a ConfigMap, logs on stderr", async () => {
    const said = await call(transform, {
      command: [python!, join(fixtures, "set-labels.py")],
      functionConfig: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "l" }, data: { team: "mesh" } }
    })
    assert.lengthOf(said.artifacts, 2)
    for (const a of said.artifacts) {
      assert.include(a.text, "    team: mesh\n")
      assert.notInclude(a.text, "internal.config.kubernetes.io", "their bookkeeping does not reach a cluster")
    }
    assert.strictEqual(said.artifacts[1]!.service, "reviews")
    assert.deepStrictEqual(said.log, ["mark: labelled 2 objects"])
    assert.deepInclude(said.found[0], { code: "CW646", severity: "info" })
    assert.include(said.found[0]!.message, "set 1 labels")
  })

  it.skipIf(!go)("in Go", { timeout: 120_000 }, async () => {
    const binary = world.path("annotate")
    execFileSync("go", ["build", "-o", binary, join(fixtures, "annotate/main.go")], {
      env: { ...process.env, GOFLAGS: "-mod=mod", GO111MODULE: "off" }
    })
    const said = await call(transform, { command: ["./annotate"] })
    assert.lengthOf(said.artifacts, 2)
    assert.deepInclude(said.found[0], { code: "CW646", severity: "warning" })
    assert.include(said.found[0]!.message, "2 objects seen by Go")
  })

  it("may add an object for a service, by annotation, and leave out what they may leave out", async () => {
    const added = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "new", annotations: { "coddiwomple.io/service": "reviews" } }
    }
    const list = JSON.stringify({ apiVersion: "config.kubernetes.io/v1", kind: "ResourceList", items: [added] })
    const said = await shell(`cat > /dev/null; echo '${list}'`, { removes: true })
    assert.deepStrictEqual(
      [said.artifacts.map((a) => [a.id, a.service]), said.found],
      [[["/ConfigMap//new", "reviews"]], []]
    )
  })

  it("may print the values of `env`, which nobody sees: neither in the log nor in findings, whole or cut", async () => {
    const secret = "hunter2-".repeat(20)
    const failed = await shell(`echo "it is $S" >&2; exit 3`, { env: { S: secret } })
    assert.deepStrictEqual(failed.log, ["mark: it is …"])
    assert.include(only(failed).help, "it said: it is …")
    const printed = only(await shell(`echo "$S"`, { env: { S: secret } }))
    assert.include(printed.message, 'begins with "…"')
  })

  it("learn of the cluster and its services, of nothing else in the environment", async () => {
    const said = await shell(`cat > told.yaml; env > env.txt; cat told.yaml`, {
      config: { x: 1 },
      env: { TEAM: "mesh" }
    })
    assert.isFalse(said.failed)
    const told = world.read("told.yaml")
    for (const part of ["kind: ExecConfig", "      name: a\n", "config:\n      x: 1", "    - reviews.global"])
      assert.include(told, part)
    assert.notMatch(told, /origin|connection|kubeconfig/)
    const names = world
      .read("env.txt")
      .split("\n")
      .map((l) => l.split("=")[0]!)
    assert.include(names, "TEAM")
    assert.deepStrictEqual(
      names.filter((n) => !/^(|TEAM|PATH|HOME|TMPDIR|PWD|SHLVL|OLDPWD|_|DENO.*)$/.test(n)),
      []
    )
  })

  it("may be checks: results refuse, and validators that read a stream say no by their exit code", async () => {
    const list = (severity: string) =>
      `cat > /dev/null; echo '{"apiVersion":"config.kubernetes.io/v1","kind":"ResourceList","results":[{"message":"no owner","severity":"${severity}","resourceRef":{"apiVersion":"v1","kind":"ConfigMap","name":"one","namespace":"default"},"field":{"path":"data.on"}}]}'`
    const said = await call(check, { command: ["sh", "-c", list("error")] })
    const error = only(said)
    assert.deepInclude(error, { code: "CW646", field: "data.on" })
    assert.deepInclude(error.object, { kind: "ConfigMap", name: "one", namespace: "default" })
    assert.deepInclude((await call(check, { command: ["sh", "-c", list("warning")] })).found[0], {
      severity: "warning"
    })
    const stream = { command: ["sh", "-c", "grep -c '^---$' >&2; echo bad: reviews; exit 1"], input: "stream" }
    const refused = await call(check, stream)
    assert.deepInclude(only(refused), { code: "CW641" })
    assert.match(only(refused).help!, /bad: reviews[^]*2/)
    assert.deepStrictEqual(
      (await call(check, { ...stream, command: ["sh", "-c", "cat > /dev/null; echo fine"] })).found,
      []
    )
  })
})

describe("a command that goes wrong", () => {
  const failures: ReadonlyArray<readonly [title: string, code: string, script: string, says: RegExp, more?: object]> = [
    ["prints nothing", "CW642", "cat > /dev/null", /printed nothing/],
    ["fails after printing a valid list", "CW641", "cat; echo no luck >&2; exit 3", /ended with code 3[^]*no luck/],
    [
      "is ended by a signal",
      "CW641",
      "cat > /dev/null; echo no luck >&2; kill -9 $$",
      /^sh was ended by signal SIGKILL\n[^]*it said: no luck/
    ],
    [
      "writes its log to standard output",
      "CW643",
      "echo starting; cat",
      /something other than one ResourceList.*starting/
    ],
    ["prints two documents", "CW643", "tee x; echo ---; echo a: 1", /something other/],
    ["prints another kind", "CW643", "cat > /dev/null; echo 'kind: List'", /a List, not a ResourceList/],
    ["prints half a list", "CW643", "head -n 2", /without `items`/],
    [
      "returns an item without a name",
      "CW643",
      `cat > /dev/null; echo '{"kind":"ResourceList","items":[{"apiVersion":"v1","kind":"X","metadata":{}}]}'`,
      /items\[0\] has no metadata\.name/
    ],
    [
      "returns a label that is a number",
      "CW643",
      `cat > /dev/null; echo '{"kind":"ResourceList","items":[{"apiVersion":"v1","kind":"X","metadata":{"name":"x","labels":{"a":1}}}]}'`,
      /metadata\.labels that are not texts/
    ],
    [
      "returns a name that is a path",
      "CW643",
      `cat > /dev/null; echo '{"kind":"ResourceList","items":[{"apiVersion":"v1","kind":"X","metadata":{"name":"../x"}}]}'`,
      /Kubernetes refuses/
    ],
    [
      "returns fewer objects",
      "CW645",
      `cat > /dev/null; echo '{"kind":"ResourceList","items":[]}'`,
      /did not return .*one and 1 more for cluster a/
    ],
    ["takes too long", "CW644", "sleep 60", /longer than 200ms/, { time: "200ms" }],
    [
      "takes too long and ignores SIGTERM",
      "CW644",
      "trap '' TERM; sleep 60 & wait; sleep 60",
      /longer than 200ms/,
      { time: "200ms" }
    ],
    ["ends before it has read", "CW642", "exit 0", /printed nothing/]
  ]
  it.each(failures.map(([title, code, ...rest]) => ({ title, code, rest })))(
    "$title: $code",
    async ({ code, rest }) => {
      const [script, says, more] = rest
      const said = await shell(script, more)
      const error = only(said)
      assert.strictEqual(error.code, code)
      assert.match(`${error.message}\n${error.help}`, says)
      assert.isTrue(said.failed || said.found.length > 0)
    }
  )

  it("hits the mark of aliases and of hostile YAML without harm", async () => {
    const bomb = [
      "a: &a [x,x,x,x,x,x,x,x,x,x]",
      ..."bcdefgh".split("").map((c, i) => `${c}: &${c} [${Array(10).fill(`*${"abcdefgh"[i]}`).join(",")}]`)
    ]
    const said = await shell(`cat > /dev/null; printf 'kind: ResourceList\\n${bomb.join("\\n")}\\n'`)
    assert.strictEqual(only(said).code, "CW643")
  })

  it("is told why in its own results, also when it fails", async () => {
    const said = await shell(
      `cat > /dev/null; echo '{"kind":"ResourceList","results":[{"message":"no team","severity":"error"}]}'; exit 1`
    )
    assert.isTrue(said.failed)
    assert.deepStrictEqual(
      said.found.map((d) => d.code),
      ["CW641", "CW646"]
    )
  })

  it.skipIf(!existsSync("/proc/self/status"))("grows too large, itself or in a process of its own", async () => {
    const said = await shell(`${python ?? "python3"} -c 'x = b"x" * (200 << 20); import time; time.sleep(30)'`, {
      memory: 64
    })
    assert.strictEqual(only(said).code, "CW644")
    assert.match(only(said).message, /more than 64 MiB/)
  })

  it("is not there, may not be run, or has no interpreter", async () => {
    world.write("plain.txt", "#!/bin/sh\ncat\n")
    world.write("odd.sh", "#!/no/such/shell\n")
    execFileSync("chmod", ["+x", world.path("odd.sh")])
    for (const [command, says] of [
      ["no-such-command", /not found[^]*install it/],
      ["./gone.sh", /not found[^]*relative to the pipeline file/],
      ["./plain.txt", /may not be run[^]*chmod \+x/],
      ["./odd.sh", /not found[^]*interpreter/]
    ] as const) {
      const error = only(await call(transform, { command: [command] }))
      assert.strictEqual(error.code, "CW641")
      assert.match(`${error.message}\n${error.help}`, says)
    }
  })

  it("leaves no process behind", async () => {
    await shell("sleep 61.5 & sleep 61.5", { time: "100ms" })
    assert.notInclude(execFileSync("ps", ["-eo", "args"], { encoding: "utf8" }), "sleep 61.5")
  })
})

/** The process by itself, as any program would run it. */
const bare = (file: string): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const child = spawn(file, { stdio: "pipe" }).once("error", reject).once("close", resolve)
    child.stdout.resume()
    child.stdin.end("x")
  })

it("costs at most 20 ms over the process itself", async () => {
  const command = [join(fixtures, "pass.sh")]
  const least = { alone: Number.POSITIVE_INFINITY, exec: Number.POSITIVE_INFINITY }
  const time = async (what: keyof typeof least, run: () => unknown) => {
    const started = performance.now()
    await run()
    least[what] = Math.min(least[what], performance.now() - started)
  }
  // In turns, and as often as a busy machine needs for one quiet moment.
  for (let i = 0; i < 60 && (i < 8 || least.exec - least.alone >= 20); i++) {
    await time("alone", () => bare(command[0]!))
    await time("exec", () => call(transform, { command }))
  }
  assert.isBelow(least.exec - least.alone, 20, `${least.exec.toFixed(1)} ms against ${least.alone.toFixed(1)} ms`)
})
