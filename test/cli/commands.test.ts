import { execFileSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Ajv } from "ajv"
import { parse } from "yaml"
import { assert, describe, it } from "vitest"
import { cw, deno, folder, lines, records, root, start } from "./Cw.ts"
import { files, pipeline, service, services } from "./Target.ts"

describe("init", () => {
  it("writes a pipeline that is valid, plans, runs at once, and deletes what is no longer wanted", async () => {
    const cwd = folder()
    assert.deepInclude(await cw(["init", "My First!"], { cwd }), { code: 0, stdout: "" })
    const at = { cwd: join(cwd, "My First!") }
    const written = readFileSync(join(at.cwd, "pipeline.yaml"), "utf8")
    const text = parse(written) as { metadata: object; sinks: Record<string, object> }
    assert.deepStrictEqual(text.metadata, { name: "my-first" })
    for (const each of Object.values(text.sinks)) assert.deepInclude(each, { policy: "sync" })
    assert.deepInclude(await cw(["validate", "--strict"], at), { code: 0, stdout: "" })
    assert.deepInclude(await cw(["plan", "--exit-code"], at), { code: 2 })
    assert.deepInclude(await cw(["run"], at), { code: 0 })
    assert.deepInclude(await cw(["plan", "--exit-code"], at), { code: 0 })
    const again = await cw(["init"], at)
    assert.deepInclude(again, { code: 1, stdout: "" })
    assert.strictEqual(readFileSync(join(at.cwd, "pipeline.yaml"), "utf8"), written)
  })

  it("starts with other plugins, and refuses unknown ones", async () => {
    const cwd = folder()
    assert.deepInclude(await cw(["init", "--with", "json,istio-global-dns,coredns,stdout", "a"], { cwd }), { code: 0 })
    const text = parse(readFileSync(join(cwd, "a/pipeline.yaml"), "utf8")) as Record<string, object>
    assert.deepStrictEqual(Object.keys(text.transforms!), ["mesh", "dns"])
    const wrong = await cw(["init", "--with", "jsn", "b"], { cwd })
    assert.deepInclude(wrong, { code: 64, stdout: "" })
    assert.include(wrong.stderr, 'did you mean "json"?')
    assert.isFalse(existsSync(join(cwd, "b")))
  })

  it.each(["2026", "123", "true", "null"])("is valid in a folder named %s", async (name) => {
    const cwd = folder()
    const made = await cw(["init", name], { cwd })
    assert.deepInclude(made, { code: 0 })
    const text = parse(readFileSync(join(cwd, name, "pipeline.yaml"), "utf8")) as { metadata: object }
    assert.deepStrictEqual(text.metadata, { name })
    assert.deepInclude(await cw(["validate", "--strict"], { cwd: join(cwd, name) }), { code: 0 })
  })

  it.each(["json,stdout", "json,istio-global-dns,files,stdout", "manifests,files", "git", "json,routes,kubectl-apply"])(
    "writes with %s what is valid, with all files it names",
    async (plugins) => {
      const cwd = folder()
      assert.deepInclude(await cw(["init", "--with", plugins], { cwd }), { code: 0 })
      assert.deepInclude(await cw(["validate", "--strict"], { cwd }), { code: 0 })
      const { stderr, stdout } = await cw(["plan"], { cwd, env: { KUBECONFIG: "/nonexistent" } })
      for (const code of ["CW003", "CW307", "CW502"]) assert.notInclude(stdout + stderr, code)
    }
  )

  it("writes the clusters that a live source reads, as its own help says it", async () => {
    const cwd = folder()
    const made = await cw(["init", "--with", "kubernetes,istio-global-dns,kubectl-apply", "my fleet"], { cwd })
    assert.deepInclude(made, { code: 0 })
    assert.include(made.stderr, "put your clusters into clusters.json, then cd 'my fleet' && cw plan")
    const at = { cwd: join(cwd, "my fleet"), env: { KUBECONFIG: "/nonexistent" } }
    assert.deepInclude(await cw(["validate", "--strict"], at), { code: 0 })
    assert.notInclude((await cw(["plan"], at)).stderr, "CW003")
  })

  it("refuses a choice that makes no pipeline, and places where nothing can be written", async () => {
    const cwd = folder({ file: "" })
    for (const [args, sentence] of [
      [["--with", "json,json,files", "a"], "cw init: json is named twice"],
      [["--with", "exec,stdout", "a"], "cw init: exec needs a command of yours"],
      [["file"], "cw init: file is not a folder"],
      [["file/a"], "cw init: file/a cannot be made: "],
      [["/proc/cw-test"], "cw init: /proc/cw-test cannot be made: nothing can be created there"]
    ] as const) {
      const { code, stderr, stdout } = await cw(["init", ...args], { cwd })
      assert.deepStrictEqual({ code, stdout }, { code: 64, stdout: "" })
      assert.isTrue(lines(stderr)[0]!.startsWith(sentence), stderr)
    }
    assert.isFalse(existsSync(join(cwd, "a")))
    assert.deepInclude(await cw(["new", "sink", "file"], { cwd }), { code: 64 })
    assert.deepInclude(await cw(["new", "sink", "/proc/cw"], { cwd }), { code: 64 })
  })
})

describe("validate", () => {
  const broken = pipeline()
    .replace('"policy":"sync"', '"polcy":"sync"')
    .replace('"mesh":{"uses":"istio-global-dns"}', '"mesh":{"uses":"istio-globl-dns"}')

  it("tells all findings of all files at once, with place, code and help", async () => {
    const cwd = folder({ ...files(), "a.yaml": broken, "b.yaml": "sources: [" })
    const { code, stderr, stdout } = await cw(["validate", "a.yaml", "b.yaml", "c.yaml"], { cwd })
    assert.deepStrictEqual({ code, stdout }, { code: 78, stdout: "" })
    for (const part of [
      "error[CW102]",
      'did you mean "istio-global-dns"?',
      "--> a.yaml:1:",
      "error[CW001]",
      "--> b.yaml:1:",
      "c.yaml does not exist"
    ]) {
      assert.include(stderr, part)
    }
    assert.match(lines(stderr).at(-1)!, /^\d errors, 0 warnings$/)
  })

  it("is data with -o json, and annotates on GitHub", async () => {
    const cwd = folder({ ...files(), "a.yaml": broken })
    const { code, stderr, stdout } = await cw(["validate", "-o", "json", "a.yaml"], {
      cwd,
      env: { GITHUB_ACTIONS: "true" }
    })
    assert.strictEqual(code, 78)
    const all = records(stdout)
    assert.deepInclude(all.at(-1), { type: "validated", ok: false, pipelines: 0 })
    assert.deepInclude(
      all.find((r) => r.code === "CW102"),
      { type: "diagnostic", severity: "error", level: "error" }
    )
    for (const line of lines(stderr)) assert.match(line, /^::error file=a\.yaml,line=\d+,col=\d+,title=CW\d+::/)
    assert.strictEqual(lines(stderr).length, all.length - 1)
  })

  it("annotates files by their paths in the checkout, wherever it runs in it", async () => {
    const checkout = folder({ "infra/a.yaml": broken })
    const annotations = async (root: string) => {
      const env = { GITHUB_ACTIONS: "true", GITHUB_WORKSPACE: root }
      const { stderr } = await cw(["validate", "a.yaml"], { cwd: join(checkout, "infra"), env })
      const found = lines(stderr).filter((line) => line.startsWith("::error"))
      assert.isNotEmpty(found)
      return found
    }
    for (const line of await annotations(checkout)) assert.match(line, /^::error file=infra\/a\.yaml,line=/)
    for (const line of await annotations(join(checkout, "else"))) assert.match(line, /^::error file=a\.yaml,line=/)
  })

  it("lets warnings pass unless --strict", async () => {
    // A variable that was meant, but misses its scheme, is a warning.
    const cwd = folder({ ...files(), "pipeline.yaml": pipeline({ target: { file: "${evn:STATE}.json" } }) })
    assert.deepInclude(await cw(["validate"], { cwd }), { code: 0 })
    assert.deepInclude(await cw(["validate", "--strict"], { cwd }), { code: 78 })
  })

  it("touches nothing", async () => {
    const cwd = folder({ "pipeline.yaml": files()["pipeline.yaml"]!, "target.ts": files()["target.ts"]! })
    assert.deepInclude(await cw(["validate"], { cwd }), {
      code: 0,
      stdout: "",
      stderr: "1 pipeline valid, 0 warnings\n"
    })
  })
})

describe("~/ at the start of a path", () => {
  it("is the home folder in every field, and one place with what else leads there", async () => {
    const home = folder({
      "fleet/clusters.json": '[{ "name": "east", "address": "192.0.2.1" }]',
      "fleet/services.json": JSON.stringify([
        {
          name: "web",
          dns_prefixes: ["web"],
          ports: [{ name: "http", service_port: 80, backend_port: 80, protocol: "http" }],
          backends: { east: "web.default.svc.cluster.local" }
        }
      ]),
      token: "secret"
    })
    execFileSync("git", ["init", "--quiet", "--bare", "--initial-branch=main", join(home, "repo.git")])
    const document = (more: object) =>
      JSON.stringify({
        kind: "Pipeline",
        metadata: { name: "homely" },
        sources: {
          json: { uses: "json", with: { clusters: "~/fleet/clusters.json", services: "~/fleet/services.json" } }
        },
        model: { addresses: { lock: "~/lock.json" } },
        transforms: { mesh: { uses: "istio-global-dns" } },
        sinks: {
          out: { uses: "files", policy: "sync", with: { path: "~/out" } },
          repo: { uses: "git", policy: "sync", with: { url: "~/repo.git", token: "${file:~/token}" } },
          ...more
        }
      })
    const cwd = folder({
      "pipeline.yaml": document({}),
      "two.yaml": document({ again: { uses: "files", policy: "sync", with: { path: `${home}/out` } } })
    })
    const env = { HOME: home }
    const ran = await cw(["run"], { cwd, env })
    assert.strictEqual(ran.code, 0, ran.stderr)
    assert.deepStrictEqual(readdirSync(cwd).sort(), ["pipeline.yaml", "two.yaml"])
    assert.isTrue(existsSync(join(home, "lock.json")))
    assert.deepStrictEqual(readdirSync(join(home, "out")).sort(), [".cw", "east"])
    const committed = execFileSync("git", ["-C", join(home, "repo.git"), "ls-tree", "--name-only", "main"], {
      encoding: "utf8"
    })
    assert.include(committed.split("\n"), "east")
    const two = await cw(["validate", "two.yaml"], { cwd, env })
    assert.strictEqual(two.code, 78)
    assert.include(two.stderr, "CW305")
  })
})

describe("render", () => {
  it("prints what the sinks would get, for one cluster and for one stage, and no sink is built", async () => {
    const cwd = folder(files({ target: { broken: true } }))
    const all = await cw(["render"], { cwd })
    assert.deepInclude(all, { code: 0, stderr: "" })
    const kinds = (text: string) =>
      text
        .split("---\n")
        .slice(1)
        .map((doc) => (parse(doc) as { kind: string }).kind)
    assert.include(kinds(all.stdout), "Gateway")
    const west = await cw(["render", "--cluster", "west", "--stage", "mesh"], { cwd })
    assert.deepInclude(west, { code: 0 })
    assert.notInclude(kinds(west.stdout), "Gateway")
    assert.isFalse(existsSync(join(cwd, "cw.lock.json")))
    for (const [args, advice] of [
      [["--cluster", "wst"], 'did you mean "west"?'],
      [["--stage", "mehs"], 'did you mean "mesh"?'],
      [["--stage", "inventory"], "known: mesh"]
    ] as const) {
      const wrong = await cw(["render", ...args], { cwd })
      assert.deepInclude(wrong, { code: 64, stdout: "" })
      assert.strictEqual(lines(wrong.stderr)[1], advice)
    }
  })
})

describe("files that cw is told to write", () => {
  it("plan --out replaces an earlier plan and an empty file, and nothing else", async () => {
    const cwd = folder({ ...files(), empty: "", "sub/x": "" })
    symlinkSync("plan.json", join(cwd, "link.json"))
    const before = readFileSync(join(cwd, "services.json"), "utf8")
    const there = readdirSync(cwd)
    for (const [out, sentence] of [
      ["pipeline.yaml", "pipeline.yaml exists and is not a plan of cw: it is not replaced"],
      ["services.json", "services.json exists and is not a plan of cw: it is not replaced"],
      [".", ". is a folder, not a file"],
      ["/dev/null", "/dev/null is a device, not a file"],
      ["link.json", "link.json is a symbolic link, not a file"],
      ["nowhere/plan.json", "the folder nowhere does not exist"],
      ["empty/plan.json", "empty/plan.json cannot be written: ENOTDIR: not a directory"]
    ] as const) {
      const { code, stderr, stdout } = await cw(["plan", "--out", out], { cwd })
      assert.deepStrictEqual([code, stdout, lines(stderr)[0]], [64, "", `cw plan: ${sentence}`])
    }
    assert.strictEqual(readFileSync(join(cwd, "services.json"), "utf8"), before)
    assert.deepStrictEqual(readdirSync(cwd), there)
    for (const out of ["empty", "plan.json", "plan.json"]) {
      assert.deepInclude(await cw(["plan", "--out", out], { cwd }), { code: 0 })
      assert.include(readFileSync(join(cwd, out), "utf8"), '"pipelines"')
    }
  })

  it("test --junit replaces an earlier report, and nothing else", async () => {
    const cwd = folder({
      ...files(),
      "a.test.yaml": "kind: PipelineTest\nmetadata: { name: one }\nexpect: { held: [] }\n"
    })
    for (const out of ["services.json", "nowhere/x.xml", "/dev/null", "."])
      assert.deepInclude(await cw(["test", "--junit", out], { cwd }), { code: 64, stdout: "" })
    for (const out of ["report.xml", "report.xml"]) {
      const { stderr } = await cw(["test", "--junit", out], { cwd })
      assert.include(readFileSync(join(cwd, out), "utf8"), "<testsuites", stderr)
    }
  })
})

describe("graph", () => {
  it("draws the wiring in four forms", async () => {
    const cwd = folder(files())
    const text = await cw(["graph"], { cwd })
    assert.deepInclude(text, { code: 0, stderr: "" })
    assert.match(text.stdout, /source +inventory +json +→ model[^]*transform +mesh +istio-global-dns +→ out/)
    assert.include((await cw(["graph", "--format", "mermaid"], { cwd })).stdout, "n_mesh --> n_out")
    assert.include((await cw(["graph", "--format", "dot"], { cwd })).stdout, '"mesh" -> "out"')
    const [json] = records((await cw(["graph", "-o", "json"], { cwd })).stdout)
    assert.deepInclude(json, { pipeline: "demo" })
    assert.deepInclude(json!.edges, { from: "model", to: "mesh" })
  })
})

describe("list, explain, schema, config", () => {
  it("lists every built-in plugin by kind", async () => {
    const { code, stderr, stdout } = await cw(["list"], { cwd: folder() })
    assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
    for (const word of [
      "sources",
      "json",
      "kubernetes",
      "manifests",
      "istio-global-dns",
      "coredns",
      "exec",
      "stdout",
      "files",
      "kubectl-apply",
      "git"
    ]) {
      assert.match(stdout, new RegExp(`^ *${word}`, "m"))
    }
    assert.notInclude((await cw(["list", "sink"])).stdout, "coredns")
  })

  it("explains plugins, fields and the file itself", async () => {
    const cwd = folder(files())
    const json = await cw(["explain", "json"], { cwd })
    assert.deepInclude(json, { code: 0, stderr: "" })
    assert.match(json.stdout, /clusters .*optional\n +File with the list of clusters/)
    assert.notInclude((await cw(["explain", "json.watch"], { cwd })).stdout, "clusters")
    assert.include((await cw(["explain", "sink", "guard.deletes"], { cwd })).stdout, "default: 10")
    assert.include((await cw(["explain", "./target.ts"], { cwd })).stdout, "secret, never shown")
    assert.strictEqual(records((await cw(["explain", "exec", "-o", "json"], { cwd })).stdout).length, 4)
    for (const [args, advice] of [
      [["jsn"], 'did you mean "json"?'],
      [["json.clustres"], 'did you mean "clusters"?'],
      [["sink.polcy"], 'did you mean "policy"?'],
      [["sink", "files"], "run `cw explain sink/files`"]
    ] as const) {
      const wrong = await cw(["explain", ...args], { cwd })
      assert.deepInclude(wrong, { code: 64, stdout: "" })
      assert.strictEqual(lines(wrong.stderr)[1], advice)
    }
  })

  it("makes a JSON Schema that accepts the file and refuses what cw refuses, loose plugins included", async () => {
    const cwd = folder(files())
    const printed = await cw(["schema"], { cwd })
    assert.deepInclude(printed, { code: 0, stderr: "" })
    const validate = new Ajv({ strict: false }).compile(JSON.parse(printed.stdout) as object)
    assert.isTrue(validate(JSON.parse(pipeline())), JSON.stringify(validate.errors))
    assert.isFalse(validate(JSON.parse(pipeline({ target: { flie: "x" } }))))
    assert.isFalse(validate(JSON.parse(pipeline().replace("policy", "polcy"))))
    const written = await cw(["schema", "--write"], { cwd })
    assert.deepInclude(written, { code: 0, stdout: "" })
    assert.strictEqual(readFileSync(join(cwd, ".cw/schema.json"), "utf8"), printed.stdout)
  })

  it("prints the configuration as it counts, which is a valid pipeline again", async () => {
    const cwd = folder(files())
    const { code, stderr, stdout } = await cw(["config"], { cwd })
    assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
    writeFileSync(join(cwd, "again.yaml"), stdout)
    assert.deepInclude(await cw(["validate", "--strict", "again.yaml"], { cwd }), { code: 0 })
    const [json] = records((await cw(["config", "-o", "json"], { cwd })).stdout)
    assert.deepStrictEqual(json, parse(stdout) as Record<string, unknown>)
  })
})

describe("doctor", () => {
  it("asks every node, and says which one is ill", async () => {
    const cwd = folder(files())
    const well = await cw(["doctor"], { cwd })
    assert.deepInclude(well, { code: 0, stderr: "" })
    assert.match(well.stdout, /ok +source inventory[^]*ok +sink out/)
    const ill = folder(files({ target: { broken: true } }))
    const { code, stderr, stdout } = await cw(["doctor", "-o", "json"], { cwd: ill })
    assert.deepStrictEqual({ code, stderr }, { code: 3, stderr: "" })
    const probes = records(stdout).filter((r) => r.type === "probe")
    assert.deepStrictEqual(
      probes.map((p) => [p.node, p.ok]),
      [
        ["inventory", true],
        ["mesh", true],
        ["out", false]
      ]
    )
    assert.deepInclude(records(stdout).at(-1), { type: "diagnostic", code: "CW206", node: "out" })
  })

  it("sees what `run` would fail at", async () => {
    const exec = (...command: ReadonlyArray<string>) => ({ uses: "exec", with: { command } })
    const cwd = folder({
      ...files(),
      "plain.sh": "#!/bin/sh\n",
      "records/.cw/clusters/east/manifest.json": "{",
      "elsewhere/x": "",
      "linked/x": "",
      "pipeline.yaml": JSON.stringify({
        ...(parse(pipeline()) as object),
        sources: { inventory: exec("no-such-program"), more: (parse(pipeline()) as Sections).sources.inventory },
        transforms: { mesh: { uses: "istio-global-dns" }, labels: { ...exec("./gone.sh"), from: ["mesh"] } },
        checks: { policy: exec("./plain.sh") },
        sinks: {
          ticket: exec("no-such-program"),
          good: exec("sh"),
          records: { uses: "files", with: { path: "records" } },
          linked: { uses: "files", with: { path: "linked" } },
          fresh: { uses: "files", with: { path: "fresh" } }
        }
      })
    })
    symlinkSync("../elsewhere", join(cwd, "linked/west"))
    const { code, stdout } = await cw(["doctor", "-o", "json"], { cwd })
    const all = records(stdout)
    assert.deepStrictEqual(
      all.filter((r) => r.type === "probe").map((p) => [p.node, p.ok]),
      [
        ["inventory", false],
        ["more", true],
        ["mesh", true],
        ["labels", false],
        ["policy", false],
        ["ticket", false],
        ["good", true],
        ["records", false],
        ["linked", false],
        ["fresh", true]
      ],
      stdout
    )
    assert.strictEqual(code, 3)
    const told = all.filter((r) => r.type === "diagnostic").map((d) => `${d.code} ${d.message}`)
    assert.includeMembers(told, [
      "CW641 no-such-program is not found",
      "CW641 ./gone.sh is not found",
      "CW641 ./plain.sh may not be run",
      "CW704 west is a symbolic link, not a folder"
    ])
    assert.include(told.join("\n"), "CW705 .cw/clusters/east/manifest.json cannot be relied on")
    assert.isFalse(existsSync(join(cwd, "fresh")))
  })
})

describe("files that cannot be read", () => {
  it("are told by list and schema, with 78", async () => {
    const cwd = folder({
      ...files(),
      "broken.yaml": "a: [",
      "bad.yaml": pipeline().replace("./target.ts", "./gone.ts")
    })
    for (const [args, code, output] of [
      [["list", "-f", "nope.yaml"], "CW003", true],
      [["list", "-f", "broken.yaml"], "CW001", true],
      [["list", "-f", "bad.yaml"], "CW20", true],
      [["schema", "nope.yaml"], "CW003", false],
      [["schema", "broken.yaml"], "CW001", false],
      [["schema", "bad.yaml"], "CW20", true]
    ] as const) {
      const found = await cw(args, { cwd })
      assert.include(found.stderr, `error[${code}`, args.join(" "))
      assert.deepStrictEqual([found.code, found.stdout !== ""], [78, output], args.join(" "))
    }
    assert.deepInclude(await cw(["list", "sink", "-f", "pipeline.yaml"], { cwd }), { code: 0, stderr: "" })
  })

  it("gen says that two names mean one file", async () => {
    const cwd = folder(files())
    const { code, stderr } = await cw(["gen", "--cluster-file", "services.json", "--service-file", "services.json"], {
      cwd
    })
    assert.strictEqual(code, 1)
    assert.include(stderr, "error[CW105]: `clusters` and `services` name the same file")
  })

  it.skipIf(deno || !existsSync("/dev/full"))(
    "a full standard output is told in one line; a silent command does not care",
    async () => {
      const cwd = folder({ ...files() })
      const full = (line: string) =>
        cw(["-c", `"$0" "$1" ${line} > /dev/full`, process.execPath, join(root, "packages/cli/bin/cw.js")], {
          cwd,
          command: ["sh"]
        })
      for (const line of ["render", "gen", "list"]) {
        const { code, stderr } = await full(line)
        assert.strictEqual(code, 1, line)
        assert.deepStrictEqual(lines(stderr).slice(-1), [
          "cw: standard output cannot be written: ENOSPC: no space left on device"
        ])
      }
      assert.deepInclude(await full("run"), { code: 0 })
    }
  )
})

interface Sections {
  readonly sources: { readonly inventory: object }
}

describe("gen", () => {
  const inputs = { "clusters.json": files()["clusters.json"]!, "services.json": services("reviews", "ratings") }

  it("prints the classic stream from the two files of this folder", async () => {
    const cwd = folder(inputs)
    const all = await cw(["gen"], { cwd })
    assert.deepInclude(all, { code: 0, stderr: "" })
    assert.match(
      all.stdout,
      /^#{80}\n# Configs for Service "ratings"\n#{80}\n#{20}\n# Configs for Cluster "east"\n#{20}\n---\napiVersion: networking\.istio\.io\/v1\nkind: Gateway\n/
    )
    assert.strictEqual((await cw(["gen"], { cwd })).stdout, all.stdout)
    // The long way round says the same.
    assert.strictEqual((await cw(["gen", "--color", "never"], { cwd })).stdout, all.stdout)
    const one = await cw(["gen", "--service", "reviews", "--cluster=west"], { cwd })
    assert.deepStrictEqual(one.stdout.match(/# Configs for .*/g), [
      '# Configs for Service "reviews"',
      '# Configs for Cluster "west"'
    ])
    assert.include((await cw(["gen", "--profile", "mtls"], { cwd })).stdout, "ISTIO_MUTUAL")
  })

  it("takes other files, and goes on where one service is wrong", async () => {
    const bad = service("reviews", { backends: { nowhere: "x.y.svc.cluster.local" } })
    const cwd = folder({ "c/a.json": inputs["clusters.json"], "s.json": JSON.stringify([bad, service("ratings")]) })
    const args = ["gen", "--cluster-file", "c/a.json", "--service-file", "s.json"]
    const { code, stderr, stdout } = await cw(args, { cwd })
    assert.strictEqual(code, 3)
    assert.match(stderr, /^error\[CW501\]/)
    assert.include(stdout, 'Service "ratings"')
    assert.notInclude(stdout, 'Service "reviews"')
    assert.deepInclude(await cw([...args, "--service", "ratings"], { cwd }), { code: 0, stderr: "" })
  })

  it("fails readably where a file is missing, or a name unknown", async () => {
    const cwd = folder(inputs)
    const missing = await cw(["gen", "--service-file", "service.json"], { cwd })
    assert.deepInclude(missing, { code: 1, stdout: "" })
    assert.match(missing.stderr, /error\[CW003\][^]*did you mean "services\.json"\?/)
    const unknown = await cw(["gen", "--cluster", "esat"], { cwd })
    assert.deepInclude(unknown, {
      code: 64,
      stdout: "",
      stderr: 'cw gen: unknown cluster "esat"\ndid you mean "east"?\n'
    })
  })

  it("ends quietly when its reader has had enough", async () => {
    const many = Array.from({ length: 3000 }, (_, i) => `svc-${i}`)
    const running = start(["gen"], { cwd: folder({ ...inputs, "services.json": services(...many) }) })
    await running.said("Configs for")
    running.process.stdout!.destroy()
    assert.deepInclude(await running.done, { code: 0, stderr: "" })
  })
})
