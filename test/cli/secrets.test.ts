// What came from the environment, or looks like a secret, is in nothing that cw prints: text, JSON lines, logs.
import { assert, it } from "vitest"
import { cw, folder, type Outcome, write } from "./Cw.ts"
import { clusters, services } from "./Target.ts"

const secret = `p4ss-${"word".repeat(20)}-end`

const pipeline = (transform: object, sinks: object = { out: { uses: "stdout" } }): string =>
  JSON.stringify({
    metadata: { name: "demo" },
    sources: { inventory: { uses: "json", with: { clusters: "clusters.json", services: "services.json" } } },
    transforms: { mesh: { uses: "istio-global-dns" }, mark: { uses: "exec", from: ["mesh"], with: transform } },
    sinks
  })

const files = (text: string) => ({
  "pipeline.yaml": text,
  "clusters.json": clusters,
  "services.json": services("reviews")
})

const silent = ({ stderr, stdout }: Outcome, what: string): void => {
  assert.notInclude(stdout + stderr, secret, what)
  // Not even its beginning, where a message is cut.
  assert.notInclude(stdout + stderr, secret.slice(0, 12), what)
}

it("scrubs findings and logs of a run of what was filled in, as text and as JSON", async () => {
  for (const [transform, said] of [
    [{ command: ["./no-${env:SECRET}"] }, /CW641/],
    [{ command: ["echo", "${env:SECRET}"] }, /CW643.*begins with/s],
    [{ command: ["sh", "-c", "echo $S"], env: { S: "${env:SECRET}" } }, /CW643.*begins with/s],
    [{ command: ["sh", "-c", "echo it is $0 >&2; exit 3", "${env:SECRET}"] }, /it is …/],
    [{ command: ["sh", "-c", "echo it is $S >&2; exit 3"], env: { S: "${env:SECRET}" } }, /it is …/],
    // Not from the environment, but secret by the schema.
    [{ command: ["sh", "-c", "echo it is $S >&2; exit 3"], env: { S: secret } }, /it is …/]
  ] as const) {
    const cwd = folder(files(pipeline(transform)))
    for (const args of [["run"], ["run", "-o", "json"], ["plan", "-o", "json"]]) {
      const outcome = await cw(args, { cwd, env: { SECRET: secret } })
      assert.notStrictEqual(outcome.code, 0)
      assert.match(outcome.stdout + outcome.stderr, said, args.join(" "))
      silent(outcome, `${args.join(" ")}: ${JSON.stringify(transform)}`)
    }
  }
})

it("shows references in `cw config`, and none of what stands behind them", async () => {
  const git = {
    uses: "git",
    with: { url: "https://x/${env:SECRET}.git", username: "${env:SECRET}", branch: "b" }
  }
  const text = pipeline({ command: ["./x", "${env:SECRET}"], env: { S: "${env:SECRET}", T: secret } }, { repo: git })
  const cwd = folder(files(text))
  for (const more of [[], ["--origins"], ["-o", "json"]]) {
    const outcome = await cw(["config", ...more], { cwd, env: { SECRET: secret } })
    assert.strictEqual(outcome.code, 0, outcome.stderr)
    silent(outcome, more.join(" "))
    assert.include(outcome.stdout, "${env:SECRET}")
  }
})

it("masks what looks secret on a line in error", async () => {
  const cwd = folder(files(""))
  for (const line of [`tokn: ${secret}`, `url: https://bob:${secret}@host/x`]) {
    write(cwd, {
      "pipeline.yaml": `sources:\n  in:\n    uses: json\n    with: { clusters: clusters.json, services: services.json, ${line} }\nsinks: { out: { uses: stdout } }\n`
    })
    for (const args of [["validate"], ["validate", "-o", "json"]]) {
      const outcome = await cw(args, { cwd })
      assert.strictEqual(outcome.code, 78)
      silent(outcome, line)
    }
  }
})

const wire = (target: object) => ({ target: { uses: "./target.ts", with: target } })

/** A sink that does this with its configuration, and does nothing else. */
const plugin = (body: string, plan = "Effect.succeed({ items: [], unchanged: 0 })"): string => `
import { Effect, Schema } from "effect"
import { Sink } from "@coddiwomple/core"
const config = Schema.Struct({ word: Schema.optionalKey(Schema.String), token: Schema.optionalKey(Schema.String) })
export default Sink.make({
  type: "telling",
  summary: "",
  config,
  make: ({ token, word }) => {
    ${body}
    return { plan: () => ${plan}, apply: () => Effect.succeed({ items: [] }) }
  }
})
`

const mesh = { command: ["cat"] }

it("scrubs what plugins say in other ways: errors nobody waits for, the console, what a plan quotes", async () => {
  const later = "Effect.as(Effect.sleep(10_000), { items: [], unchanged: 0 })"
  const quoting = `Effect.succeed({ items: [{ op: "update", target: "east", id: token, fields: [
    { path: "data.token", before: { a: [token] }, after: token + "!" }, { path: "spec.region", before: word, after: "b" }
  ] }], unchanged: 0 })`
  const filled = { token: "${env:SECRET}", word: "${env:REGION}" }
  for (const [text, args, said, more] of [
    [plugin('setTimeout(() => { throw new Error("late: " + token) }, 1)', later), ["run"], "late: …", {}],
    [
      plugin('setTimeout(() => { throw new Error("late: " + token) }, 1)', later),
      ["run"],
      "late: …",
      { CW_DEBUG: "1" }
    ],
    [plugin('setTimeout(() => void Promise.reject("late: " + token), 1)', later), ["plan"], "late: …", {}],
    [plugin('console.log("told: %s", token)'), ["run"], "told: …", {}],
    [plugin('console.error("told:", token)'), ["run"], "told: …", {}],
    [plugin('process.stdout.write("told: " + token)'), ["plan", "-o", "json"], "told: …", {}],
    // Not referred to by the pipeline.
    [`throw new Error("at once: " + process.env.SECRET)`, ["validate"], "at once: …", {}],
    [plugin("", quoting), ["plan"], 'data.token: {"a":["…"]} -> "…!"', {}],
    // A variable that is no secret by its name: it is what the plan is about.
    [plugin("", quoting), ["plan"], 'spec.region: "somewhere" -> "b"', {}],
    [plugin("", quoting), ["plan", "-o", "json"], '"id":"…"', {}]
  ] as const) {
    const cwd = folder({ ...files(pipeline(mesh, wire(filled))), "target.ts": text })
    const outcome = await cw(args, { cwd, env: { SECRET: secret, REGION: "somewhere", ...more } })
    assert.include(outcome.stdout + outcome.stderr, said)
    silent(outcome, said)
  }
})

it("scrubs a line of a longer value, and the forms it has elsewhere", async () => {
  const line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"
  const odd = `p4ss/"${"w".repeat(30)}`
  const env = { SECRET: odd, URL: `https://bob:${odd}@host/x` }
  for (const [text, filled] of [
    ['echo "it is: $(echo "$S" | sed -n 2p)"', "${file:key.pem}"],
    [`echo it is: ${encodeURIComponent(odd)}`, "${env:SECRET}"],
    [`echo it is: ${Buffer.from(odd).toString("base64")}`, "${env:SECRET}"],
    [`echo 'it is: ${odd}'`, "${env:URL}"]
  ] as const) {
    const config = { command: ["sh", "-c", `${text} >&2; exit 3`], env: { S: filled } }
    const cwd = folder({ ...files(pipeline(config)), "key.pem": `-----BEGIN KEY-----\n${line}\nabc\n` })
    const outcome = await cw(["run"], { cwd, env })
    assert.include(outcome.stderr, "it is: …")
    for (const form of [line, odd, encodeURIComponent(odd), Buffer.from(odd).toString("base64").slice(0, 30)])
      assert.notInclude(outcome.stdout + outcome.stderr, form, text)
  }
})

it("hides what is surely a secret in the name of a file, too", async () => {
  const sources = {
    inventory: { uses: "json", with: { clusters: "no-${env:SECRET}.json", services: "services.json" } }
  }
  const transforms = { mesh: { uses: "istio-global-dns" } }
  const text = JSON.stringify({ metadata: { name: "demo" }, sources, transforms, sinks: { out: { uses: "stdout" } } })
  for (const args of [["plan"], ["run", "-o", "json"], ["doctor"]]) {
    const outcome = await cw(args, { cwd: folder(files(text)), env: { SECRET: secret } })
    assert.include(outcome.stdout + outcome.stderr, "no-….json")
    silent(outcome, args.join(" "))
  }
})

it("says nothing of a secret that YAML takes for something else", async () => {
  const text = (value: string) => `metadata: { name: demo }
sources: { in: { uses: json, with: { clusters: clusters.json, services: services.json } } }
sinks:
  repo:
    uses: git
    with:
      url: https://host/x
      token: ${value}
`
  const cwd = folder(files(""))
  const first = `*${secret} !${secret} |${secret} !!${secret} !e!${secret} !<${secret}> @${secret}`.split(" ")
  for (const value of [...first, `> ${secret}`, `a\n\t${secret}: x`, `a\n        ${secret}: x`, `|\n${secret}`]) {
    write(cwd, { "pipeline.yaml": text(value) })
    for (const args of [["validate"], ["validate", "-o", "json"]]) {
      const outcome = await cw(args, { cwd })
      assert.strictEqual(outcome.code, 78, value)
      silent(outcome, value)
    }
  }
})

it("redacts in `cw config` what stands in a field that looks secret, whatever the plugin's schema says", async () => {
  const text = pipeline(mesh, wire({ token: secret, word: "plain" }))
  const cwd = folder({ ...files(text), "target.ts": plugin("") })
  for (const more of [[], ["--no-plugins"], ["--origins"], ["-o", "json"]]) {
    const outcome = await cw(["config", ...more], { cwd })
    assert.strictEqual(outcome.code, 0, outcome.stderr)
    assert.include(outcome.stdout, "<redacted>")
    assert.include(outcome.stdout, "plain")
    silent(outcome, more.join(" "))
  }
  const all = await cw(["config", "--unredacted"], { cwd })
  assert.include(all.stdout, secret)
})

it("takes the password out of an address before it cuts it", async () => {
  const cwd = folder({
    ...files(pipeline(mesh, { out: { uses: "stdout" } })),
    "clusters.json": JSON.stringify([{ name: "east", address: `https://bob:${secret}@192.0.2.1/` }])
  })
  const outcome = await cw(["plan"], { cwd })
  assert.include(outcome.stderr, "https://…@192.0.2.1/")
  silent(outcome, "address")
})
