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
