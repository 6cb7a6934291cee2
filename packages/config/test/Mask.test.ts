/** What a code frame shows of a line: never a secret, always as wide as the line. */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import * as fc from "fast-check"
import { expect, it } from "vitest"
import { load } from "@coddiwomple/config/Load"
import * as Effect from "effect/Effect"
import { looksSecret, maskLine } from "../src/Mask.ts"
import { resolve } from "./Plugins.ts"

it("masks the values of fields that look secret, misspelled ones too, and credentials in URLs", () => {
  for (const [line, shown] of [
    ["  token: s3cr3t", "  token: ******"],
    ["tokn: s3cr3t # mine", "tokn: ****** * ****"],
    [`with: { url: x, apiToken: "a,b}", path: out }`, `with: { url: x, apiToken: "****", path: out }`],
    ["{ toekn: abc, path: out }", "{ toekn: ***, path: out }"],
    ["client_secret: a b, c", "client_secret: * ** *"],
    ["privateKey: abc", "privateKey: ***"],
    ["url: https://bob:pw@host/x", "url: https://******@host/x"],
    ["url: https://bob:${env:PW}@host/x", "url: https://****${env:PW}@host/x"],
    ["token: ${env:TOKEN}", "token: ${env:TOKEN}"],
    ["token: |", "token: |"],
    ["tokenFile: /run/token", "tokenFile: /run/token"],
    ["url: https://bob:${env:PW:-pw}@host/x", "url: https://****${env:PW*****@host/x"],
    [`url: 'https://bob:p"w@host/x'`, `url: 'https://*******@host/x'`],
    ["token: ${env:TOKEN:-hunter2}", "token: ${env:TOKEN**********"],
    ["with: { tokens: [abc, d], a: 1 }", "with: { tokens: ***** **, a: 1 }"],
    ["with: { command: [x], env: { A: bc }, a: 1 }", "with: { command: [x], env: * ** ** *, a: 1 }"],
    ["command: [curl, --token, abc, --api-key=d, -v]", "command: [curl, --token, ***, --api-key=*, -v]"],
    [`command: ["x", "--password", "abc"]`, `command: ["x", "--password", "***"]`],
    ["command: x --token --verbose y", "command: x --token --verbose y"],
    ["path: ${env:HOME}/x", "path: ${env:HOME}/x"],
    ["sources: { in: { uses: json } }", "sources: { in: { uses: json } }"]
  ] as const)
    expect(maskLine(line)).toBe(shown)
  const plain = "sources transforms checks sinks path clusters services select labels server region timeout policy"
  expect(plain.split(" ").filter(looksSecret)).toEqual([])
})

it("keeps the width of every line, and masks a line only once", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."tokens: {},'\"@/h#$| ") }), (line) => {
      const masked = maskLine(line)
      expect(masked.length).toBe(line.length)
      expect(maskLine(masked).length).toBe(line.length)
    })
  )
})

it("shows no literal secret in the frames and messages of findings", async () => {
  const secret = "hunter2hunter2"
  const hook = (config: string) => `
sources: { in: { uses: json, with: { clusters: c, services: s } } }
sinks:
  hook:
    uses: webhook
${config}`
  for (const config of [
    `    with: { url: "https://x", tokn: ${secret} }\n`,
    `    token: ${secret}\n    with: { url: "https://x" }\n`,
    `    with:\n      url: https://x\n      token: a\n      token: ${secret}\n`,
    `    with:\n      url: https://x\n      token: [${secret}]\n`,
    `    with: { urll: "https://bob:${secret}@host/x" }\n`,
    `    with: { url: "https://x", token: ${secret}\n`,
    `    with:\n      url: https://x\n      tokn:\n        - ${secret}\n        - "${secret}\n`,
    `    with:\n      url: https://x\n      token: |\n        ab\n       ${secret}\n`,
    `    with:\n      env:\n        A: ${secret}\n        A: ${secret}\n`
  ]) {
    const { diagnostics } = await Effect.runPromise(
      load(hook(config), "pipeline.yaml", {
        plugins: resolve,
        env: () => undefined,
        readFile: () => Effect.fail("no file")
      })
    )
    expect(diagnostics.some(Diagnostic.isError), config).toBe(true)
    expect(JSON.stringify(diagnostics), config).not.toContain(secret)
    expect(diagnostics.map((d) => Diagnostic.toText(d)).join(), config).not.toContain(secret)
  }
})
