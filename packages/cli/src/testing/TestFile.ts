/** Runs a `*.test.ts` file of a plugin: with `@coddiwomple/testing` and `node:test` served by cw, nothing is installed. */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import * as Hooks from "../Hooks.ts"
import * as Loader from "../Loader.ts"
import * as NodeTest from "./NodeTest.ts"
import type { Outcome } from "./Outcome.ts"
import { testingModules } from "./Modules.ts"

export interface Options {
  readonly wanted: (name: string) => boolean
  readonly report: (outcome: Outcome) => void
}

/** `path` is absolute, `file` as messages name it. Fails to load: a finding and no outcomes. */
export const run = async (
  file: string,
  path: string,
  text: string,
  { report, wanted }: Options
): Promise<Diagnostic.Diagnostic | undefined> => {
  await Hooks.offer({ ...testingModules, "node:test": NodeTest as unknown as Record<string, unknown> })
  NodeTest.reset()
  const module = await Loader.importCode(file, path, text)
  if ("severity" in module) return module
  const { finish, tests } = NodeTest.collected()
  for (const test of tests) {
    if (!wanted(test.name)) continue
    if (test.skip !== undefined) {
      report({ file, name: test.name, state: "skipped", millis: 0, diagnostics: [], reason: test.skip })
      continue
    }
    const started = performance.now()
    const ended = await test.run().then(
      ({ skipped }) => ({ skipped, error: undefined }),
      (error: unknown) => ({ skipped: undefined, error: error ?? new Error("failed") })
    )
    const millis = performance.now() - started
    if (ended.error === undefined) {
      const state = ended.skipped === undefined ? "passed" : "skipped"
      report({
        file,
        name: test.name,
        state,
        millis,
        diagnostics: [],
        ...(ended.skipped === undefined ? {} : { reason: ended.skipped })
      })
    } else
      report({
        file,
        name: test.name,
        state: "failed",
        millis,
        diagnostics: [failure(file, path, test.name, ended.error)]
      })
  }
  try {
    await finish()
  } catch (error) {
    report({
      file,
      name: "after all tests",
      state: "failed",
      millis: 0,
      diagnostics: [failure(file, path, "after", error)]
    })
  }
  return undefined
}

const failure = (file: string, path: string, name: string, error: unknown): Diagnostic.Diagnostic => {
  const { message, stack } = error instanceof Error ? error : new Error(String(error))
  const [first, ...rest] = message.split("\n")
  const at = Loader.placeIn(path, stack ?? "")
  return Diagnostic.error("CW682", `${name}: ${first}`, {
    place: at === undefined ? { file } : { ...at, file },
    ...(rest.length === 0 ? {} : { help: rest.join("\n     ") })
  })
}
