import { execFileSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Addresses, defaultRange, parseRange, type Range } from "@coddiwomple/core/Addresses"
import { identity } from "@coddiwomple/core/Fact"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import { assert, describe, it } from "vitest"
import { answer, fromFiles, type Question } from "../../packages/cli/src/Tracing.ts"
import { text } from "../../packages/cli/src/TraceText.ts"
import { plain } from "../../packages/cli/src/Terminal.ts"
import { write } from "../bench/Fleet.ts"
import { cw, folder, lines, root } from "./Cw.ts"

const bookinfo = join(root, "examples/01-split-bookinfo")
const trace = (...args: ReadonlyArray<string>) => cw(["trace", ...args], { cwd: bookinfo })

describe("cw trace", () => {
  it("tells every step with the line that causes it", async () => {
    const { code, stderr, stdout } = await trace("reviews.global:9080", "--from", "a")
    assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
    assert.include(stdout, "delivered: cluster b answers")
    for (const line of lines(stdout)) {
      const found = /(?:(\w+): )?(\w+) (\S+)\/(\S+) line (\d+): (.*)$/.exec(line)
      if (found === null) continue
      const [, cluster, kind, namespace, name, number, source] = found
      // The same line of the object as `cw render` prints it.
      const printed = execFileSync(
        process.execPath,
        [join(root, "packages/cli/bin/cw.js"), "render", "--cluster", cluster ?? "a"],
        { cwd: bookinfo, encoding: "utf8" }
      )
      const object = printed
        .split(/^---\n/m)
        .find(
          (o) =>
            o.includes(`kind: ${kind}\n`) &&
            o.includes(`  name: ${name}\n`) &&
            o.includes(`  namespace: ${namespace}\n`)
        )!
      const body = object.slice(object.indexOf("apiVersion:")).split("\n")
      assert.strictEqual(body[Number(number) - 1]!.trim(), source)
    }
  })

  it("answers what if, and exits 3 where a call is not delivered", async () => {
    assert.include((await trace("details.global:9080", "--from", "a")).stdout, "when a is down: cluster b answers")
    const moved = await trace("details.global:9080", "--from", "a", "--down", "a")
    assert.strictEqual(moved.code, 0)
    assert.include(moved.stdout, "tier 2, when tier 1 fails, answers now")
    const lost = await trace("details:9080", "--from", "a", "--backend-down", "a", "--gateway-down", "b")
    assert.strictEqual(lost.code, 3)
    assert.include(
      lost.stdout,
      "undeliverable: nobody answers: the backend in cluster a does not answer; the gateway of cluster b does not answer"
    )
    assert.include(lost.stderr, "give it a backend in another cluster")
  })

  it("says of a local-only service that nobody else may call it", async () => {
    const service = {
      name: "db",
      dns_prefixes: ["db"],
      ports: [{ name: "http", protocol: "HTTP", service_port: 80, backend_port: 80 }],
      backends: { a: "db.default.svc.cluster.local" },
      traffic: "local-only"
    }
    const cwd = folder({
      "clusters.json": '[{"name": "a", "address": "192.0.2.1"}, {"name": "b", "address": "192.0.2.2"}]',
      "services.json": JSON.stringify([service])
    })
    const { code, stderr } = await cw(["trace", "db.global", "--from", "b", "--profile", "mtls"], { cwd })
    assert.strictEqual(code, 3)
    assert.include(stderr, "help: it is local-only: only clusters that run it can call it; give cluster b a backend")
  })

  it("tells of plaintext that the profile brings, without calling it a failure", async () => {
    const { code, stderr, stdout } = await trace("reviews.global:9080", "--from", "a", "--profile", "classic")
    assert.strictEqual(code, 0)
    assert.include(stdout, "PLAINTEXT to cluster b: ok")
    assert.include(stderr, "warning[CW632]: reviews.global:9080 leaves cluster a in plaintext for b")
  })

  it("is one line of JSON for each port", async () => {
    const { code, stdout } = await trace("details", "--from", "a", "-o", "json")
    assert.strictEqual(code, 0)
    const [line, ...more] = lines(stdout).map((l) => JSON.parse(l))
    assert.lengthOf(more, 0)
    assert.deepInclude(line, {
      type: "trace",
      host: "details.global",
      port: 9080,
      from: "a",
      outcome: "delivered",
      findings: []
    })
    assert.deepStrictEqual(line.answers, [
      { cluster: "a", address: "details.default.svc.cluster.local", port: 9080, share: 1 }
    ])
    assert.deepStrictEqual(
      line.without.map((w: any) => [w.cluster, w.outcome]),
      [
        ["a", "delivered"],
        ["b", "delivered"]
      ]
    )
    assert.deepInclude(line.tiers[1].legs[0].cause, {
      cluster: "a",
      kind: "ServiceEntry",
      path: "spec.endpoints[1].address",
      source: "- address: b.example.com"
    })
  })

  it.each([
    [["revews.global:9080", "--from", "a"], 'cw trace: unknown host "revews.global"', 'did you mean "reviews.global"?'],
    [["reviews.global:9080", "--from", "bb"], 'cw trace: unknown cluster "bb"', 'did you mean "b"?'],
    [["reviews.global:9080", "--from", "a", "--down", "z"], 'cw trace: unknown cluster "z"', "known: a, b"],
    [
      ["reviews.global:1", "--from", "a"],
      "cw trace: reviews.global has no port 1",
      "known: reviews.global:9080 (HTTP)"
    ],
    [["a:b:c", "--from", "a"], 'cw trace: "a:b:c" is not HOST or HOST:PORT', "reviews.global:9080"],
    [["reviews.global:9080"], "cw trace: flag --from is missing", "--help"],
    [
      ["x", "--from", "a", "-f", "p.yaml", "--profile", "mtls"],
      "cw trace: --file and --cluster-file",
      "name a pipeline or the two files"
    ]
  ])("%j is refused in two lines with exit 64", async (args, what, advice) => {
    const { code, stderr, stdout } = await trace(...args)
    assert.deepStrictEqual({ code, stdout }, { code: 64, stdout: "" })
    const [first, second, ...more] = lines(stderr)
    assert.lengthOf(more, 0)
    assert.include(first!, what)
    assert.include(second!, advice)
  })

  it("names all candidates of an ambiguous host, and why a service is held", async () => {
    const cwd = folder({
      "clusters.json": JSON.stringify([{ name: "a", address: "192.0.2.1" }, { name: "b" }]),
      "services.json": JSON.stringify([
        {
          name: "web",
          namespace: "shop",
          dns_prefixes: ["web.shop"],
          ports: [{ name: "http", protocol: "HTTP", service_port: 80, backend_port: 80 }],
          backends: { a: "web.shop.svc.cluster.local" }
        },
        {
          name: "web",
          namespace: "blog",
          dns_prefixes: ["web.blog"],
          ports: [{ name: "http", protocol: "HTTP", service_port: 80, backend_port: 80 }],
          backends: { a: "web.blog.svc.cluster.local" }
        },
        {
          name: "far",
          dns_prefixes: ["far"],
          ports: [{ name: "http", protocol: "HTTP", service_port: 80, backend_port: 80 }],
          backends: { b: "far.default.svc.cluster.local" }
        },
        {
          name: "db",
          dns_prefixes: ["db"],
          address: "240.1.1.1",
          ports: [{ name: "tcp", protocol: "TCP", service_port: 5432, backend_port: 5432 }],
          backends: { a: "db.default.svc.cluster.local" }
        },
        {
          name: "other",
          dns_prefixes: ["other"],
          address: "240.1.1.1",
          ports: [{ name: "tcp", protocol: "TCP", service_port: 5432, backend_port: 5432 }],
          backends: { a: "other.default.svc.cluster.local" }
        }
      ])
    })
    const ask = (host: string) => cw(["trace", host, "--from", "a", "--profile", "mtls"], { cwd })
    const two = await ask("web")
    assert.strictEqual(two.code, 64)
    assert.include(
      two.stderr,
      "one of: web.blog.global (service web.blog, in a); web.shop.global (service web.shop, in a)"
    )
    const far = await ask("far")
    assert.strictEqual(far.code, 3)
    assert.include(far.stderr, 'service far: cluster "b" cannot be used: see its finding')
    assert.match(far.stderr, /cluster b: "address" is/)
    const clash = await ask("other")
    assert.strictEqual(clash.code, 3)
    assert.include(clash.stderr, "services db and other both need port 5432 of address 240.1.1.1")
  })

  it("follows TLS to the gateway and on by SNI; what a gateway accepts and then cuts is told", async () => {
    const cwd = folder({
      "clusters.json": JSON.stringify(["a", "b", "c"].map((name) => ({ name, address: `gw-${name}.example.net` }))),
      "services.json": JSON.stringify([
        {
          name: "db",
          dns_prefixes: ["db"],
          ports: [
            { name: "tcp", protocol: "TCP", service_port: 5432, backend_port: 5432 },
            { name: "http", protocol: "HTTP", service_port: 80, backend_port: 8080 }
          ],
          backends: { a: "db.default.svc.cluster.local", b: "db.default.svc.cluster.local" }
        }
      ]),
      "pipeline.yaml": JSON.stringify({
        apiVersion: "coddiwomple.io/v1alpha1",
        kind: "Pipeline",
        metadata: { name: "tls" },
        sources: { inventory: { uses: "json", with: { clusters: "clusters.json", services: "services.json" } } },
        transforms: { mesh: { uses: "istio-global-dns", with: { profile: "tls", tls: { caConfigMap: "cw-ca" } } } },
        checks: { routes: { uses: "routes" } },
        sinks: { out: { uses: "files", with: { path: "out" } } }
      })
    })
    const checked = await cw(["run", "pipeline.yaml"], { cwd })
    assert.strictEqual(checked.code, 0, checked.stderr)
    const from = (...args: ReadonlyArray<string>) => cw(["trace", "db.global:5432", "--from", ...args], { cwd })
    const own = await from("a")
    assert.include(own.stdout, "delivered: cluster a answers")
    const far = await from("c")
    assert.strictEqual(far.code, 0)
    for (const told of [
      "clusters a (50 %) and b (50 %) answer",
      "TLS with SNI p5432.db.global",
      "takes p5432.db.global on port 15443 (TLS)",
      "its route leads to db.default.svc.cluster.local:5432 in cluster b"
    ])
      assert.include(far.stdout, told)
    const cut = await from("c", "--backend-down", "a")
    assert.strictEqual(cut.code, 3)
    assert.include(cut.stdout, "partly: only b (50 %) of the calls are answered, the others fail")
    assert.include(cut.stdout, "the gateway accepts the connection first, so callers do not leave this endpoint out")
    const http = await cw(["trace", "db.global:80", "--from", "c", "--backend-down", "a"], { cwd })
    assert.include(http.stdout, "delivered: cluster b answers")
  })

  it("a large file is read in part, and the answer is the same", async () => {
    const directory = folder({})
    const files = await write(directory, { services: 3000, clusters: 5 })
    const services = JSON.parse(readFileSync(files.services, "utf8"))
    // Somebody else on the port of the first TCP service, and an alias.
    const tcp = services.find((s: any) => s.ports[0].protocol === "TCP")
    services.push({ ...tcp, name: "rival", dns_prefixes: ["rival", "second"] })
    services[7].dns_prefixes.push("an-alias")
    // Somebody declares the address that the last would be given.
    const last = services[2999]
    const range = parseRange(defaultRange) as Range
    const address = new Addresses(range).of(identity(last.name, last.namespace))
    services.push({ ...last, name: "early", dns_prefixes: ["early"], address })
    writeFileSync(files.services, JSON.stringify(services, undefined, 1))
    const plants = await Promise.all(
      ["classic", "mtls"].map((profile) => fromFiles(files.clusters, files.services, profile))
    )
    const hosts = [
      "an-alias",
      "rival",
      "second.global",
      `${tcp.dns_prefixes[0]}.global`,
      last.dns_prefixes[0],
      "nobody",
      services[7].name
    ]
    for (const plant of plants) {
      for (const host of hosts) {
        const question: Question = {
          host,
          port: undefined,
          from: "c-1",
          namespace: undefined,
          down: [],
          backendDown: [],
          gatewayDown: []
        }
        const [part, whole] = await Promise.all(
          [plant, { ...plant, services: [] }].map((p) =>
            Effect.runPromise(answer(p, question).pipe(Effect.provide(NodeServices.layer)) as Effect.Effect<any>)
          )
        )
        const told = (found: any) =>
          found._tag === "Traced"
            ? found.examined.map((e: any) => [text(e, plain), e.findings.map((f: any) => f.message)])
            : found
        assert.deepStrictEqual(told(part), told(whole), host)
      }
    }
  })
})
