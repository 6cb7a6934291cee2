/**
 * Every folder of fixtures/ is a case: pipeline.yaml, and what loading it says. `inputs.json` gives variables and files.
 * UPDATE=1 rewrites expected.txt; read the difference before you commit it.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { toText } from "@coddiwomple/core/Diagnostic"
import { effective, toYaml } from "@coddiwomple/config/Effective"
import { load, type Loaded } from "@coddiwomple/config/Load"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { resolve } from "./Plugins.ts"

const root = join(import.meta.dirname, "fixtures")

interface Given {
  readonly env?: Readonly<Record<string, string>>
  readonly files?: Readonly<Record<string, string>>
}

const print = ({ diagnostics, pipelines, tests }: Loaded): string => {
  const out = diagnostics.map((d) => `${toText(d)}\n`)
  for (const pipeline of pipelines) {
    const reads = pipeline.nodes
      .filter((n) => n.kind !== "source")
      .map((n) => `# ${n.kind} ${n.id} reads ${pipeline.graph.upstream.get(n.id)!.join(", ") || "the model"}\n`)
    const off = pipeline.off.map((n) => `# ${n.kind} ${n.id} is off\n`)
    out.push([...reads, ...off, toYaml([effective(pipeline)], { origins: true })].join(""))
  }
  for (const test of tests) out.push(`test ${JSON.stringify(test.value)}\n`)
  return out.join("\n")
}

describe("fixtures", () => {
  for (const name of readdirSync(root).sort()) {
    it(name, async () => {
      const folder = join(root, name)
      const read = (file: string) => readFileSync(join(folder, file), "utf8")
      const { env = {}, files = {} }: Given = existsSync(join(folder, "inputs.json"))
        ? JSON.parse(read("inputs.json"))
        : {}
      const inputs = {
        plugins: resolve,
        env: (variable: string) => (Object.hasOwn(env, variable) ? env[variable] : undefined),
        readFile: (path: string) =>
          Object.hasOwn(files, path) ? Effect.succeed(files[path]!) : Effect.fail("there is no such file")
      }
      const text = read("pipeline.yaml")
      const loaded = await Effect.runPromise(load(text, "pipeline.yaml", inputs))
      const printed = print(loaded)
      if (process.env.UPDATE === "1") writeFileSync(join(folder, "expected.txt"), printed)
      expect(printed).toBe(read("expected.txt"))
      // Nothing from outside may be seen in a finding, unless the file itself holds it.
      const findings = JSON.stringify(loaded.diagnostics)
      for (const value of [...Object.values(env), ...Object.values(files)].map((v) => v.trimEnd())) {
        if (value.length > 2 && !text.includes(value)) expect(findings).not.toContain(value)
      }
    })
  }
})
