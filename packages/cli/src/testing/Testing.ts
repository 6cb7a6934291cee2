/** `cw test`: finds the tests, runs one after the other, and tells what became of each. */
import { existsSync, readFileSync } from "node:fs"
import { dirname, join, relative, resolve } from "node:path"
import type { PipelineTest } from "@coddiwomple/config/Pipeline"
import { readTest } from "@coddiwomple/config/TestConfig"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import * as Suggest from "@coddiwomple/core/Suggest"
import * as Effect from "effect/Effect"
import * as ExitCode from "../ExitCode.ts"
import type { Opened } from "../Opened.ts"
import * as OutFile from "../OutFile.ts"
import { open, type Result } from "../PipelineFile.ts"
import type { Presenter } from "../Presenter.ts"
import * as Terminal from "../Terminal.ts"
import * as Types from "../Types.ts"
import * as Usage from "../Usage.ts"
import { find } from "./Find.ts"
import { junit, junitFile, type Outcome } from "./Outcome.ts"
import * as PipelineTests from "./PipelineTests.ts"

export interface Options {
  readonly paths: ReadonlyArray<string>
  readonly update: boolean
  readonly filter: string | undefined
  readonly junit: string | undefined
  readonly plugins: boolean
}

export const test = (options: Options, told: Presenter) =>
  Effect.gen(function* () {
    const noReport = options.junit === undefined ? undefined : OutFile.problem(options.junit, junitFile)
    if (noReport !== undefined) {
      Usage.refuse("test", ...noReport)
      return ExitCode.usage
    }
    const { found, gone } = find(options.paths.length === 0 ? ["."] : options.paths)
    if (gone.length > 0) {
      Usage.refuse("test", `${gone[0]} does not exist`, "name files or folders, or nothing for this folder")
      return ExitCode.usage
    }
    if (found.length === 0) {
      Usage.refuse(
        "test",
        "there are no tests here",
        "a test is a *.test.yaml with `kind: PipelineTest`, or a *.test.ts of `cw new`"
      )
      return ExitCode.usage
    }
    Types.refresh(".")
    const outcomes: Array<Outcome> = []
    const updated: Array<string> = []
    const problems: Array<Diagnostic.Diagnostic> = []
    const report = (outcome: Outcome): void => {
      outcomes.push(outcome)
      tell(outcome, told)
    }
    const wanted = (name: string): boolean => options.filter === undefined || name.includes(options.filter)
    const opener = new Opener(options.plugins)
    for (const { file, kind } of found) {
      if (kind === "code") {
        const problem = yield* Effect.promise(() => code(file, options.plugins, wanted, report))
        if (problem !== undefined) problems.push(problem)
        continue
      }
      const opened = yield* Effect.promise(() => opener.open(file))
      problems.push(...opened.diagnostics.filter((d) => Diagnostic.isError(d)))
      for (const test of opened.tests) {
        const ready = yield* Effect.promise(() => prepared(test, opener, wanted))
        if (ready === undefined) continue
        if ("severity" in ready || Array.isArray(ready)) {
          problems.push(...(ready as ReadonlyArray<Diagnostic.Diagnostic>))
          continue
        }
        const { config, ...rest } = ready as PipelineTests.Ready
        const started = performance.now()
        const golden = { update: options.update, written: updated }
        const failures = yield* PipelineTests.run({ config, ...rest }, golden)
        const state = failures.some(Diagnostic.isError) ? "failed" : "passed"
        report({ file, name: config.metadata.name, state, millis: performance.now() - started, diagnostics: failures })
      }
    }
    const once = [...new Map(problems.map((d) => [JSON.stringify(d), d])).values()]
    told.diagnostics(once)
    const unsaved = options.junit === undefined ? undefined : OutFile.write(options.junit, junit(outcomes), junitFile)
    if (unsaved !== undefined) Usage.refuse("test", ...unsaved)
    for (const name of updated) told.summary(`wrote ${name}`)
    const count = (state: Outcome["state"]) => outcomes.filter((o) => o.state === state).length
    if (outcomes.length === 0 && once.length === 0) {
      Usage.refuse(
        "test",
        `no test has ${JSON.stringify(options.filter)} in its name`,
        "run `cw test` to see their names"
      )
      return ExitCode.usage
    }
    const [passed, failed, skipped] = [count("passed"), count("failed"), count("skipped")]
    if (told.output === "json")
      told.line({ type: "tested", level: failed > 0 ? "error" : "info", passed, failed, skipped })
    told.summary(
      [
        `${passed} passed`,
        ...(failed > 0 ? [`${failed} failed`] : []),
        ...(skipped > 0 ? [`${skipped} skipped`] : [])
      ].join(", ")
    )
    return ExitCode.worst([
      ...(once.length > 0 ? [ExitCode.config] : []),
      ...(failed > 0 || unsaved !== undefined ? [ExitCode.failed] : [])
    ])
  })

const tell = ({ diagnostics, file, millis, name, reason, state }: Outcome, told: Presenter): void => {
  if (told.output === "json") {
    told.line({
      type: "test",
      level: state === "failed" ? "error" : "info",
      file,
      name,
      state,
      millis: Math.round(millis),
      ...(reason === undefined ? {} : { reason })
    })
  } else {
    const mark = {
      passed: told.paint("added", "✓"),
      failed: told.paint("error", "✗"),
      skipped: told.paint("dim", "-")
    }[state]
    const more = reason === undefined ? told.paint("dim", `${Math.round(millis)} ms`) : told.paint("dim", reason)
    Terminal.say(`${mark} ${Diagnostic.printable(`${file}: ${name}`)} ${more}`)
  }
  told.diagnostics(diagnostics)
}

const code = async (
  file: string,
  plugins: boolean,
  wanted: (name: string) => boolean,
  report: (outcome: Outcome) => void
): Promise<Diagnostic.Diagnostic | undefined> => {
  if (!plugins) {
    const place = { file }
    return Diagnostic.error("CW207", `${file} is not run: plugins are switched off by --no-plugins`, { place })
  }
  const { run } = await import("./TestFile.ts")
  const path = resolve(file)
  return run(file, path, readFileSync(path, "utf8"), { wanted, report })
}

/** Every pipeline file is opened once, whatever the number of tests. */
class Opener {
  private readonly known = new Map<string, Promise<Result>>()
  private readonly plugins: boolean

  constructor(plugins: boolean) {
    this.plugins = plugins
  }

  open(file: string): Promise<Result> {
    const known = this.known.get(resolve(file)) ?? open({ file, plugins: this.plugins })
    this.known.set(resolve(file), known)
    return known
  }
}

const prepared = async (
  test: PipelineTest,
  opener: Opener,
  wanted: (name: string) => boolean
): Promise<PipelineTests.Ready | ReadonlyArray<Diagnostic.Diagnostic> | undefined> => {
  const read = readTest(test)
  if ("diagnostics" in read) return read.diagnostics
  const { config } = read
  if (!wanted(config.metadata.name)) return undefined
  const pipeline = await pipelineOf(test, config, opener)
  return Array.isArray(pipeline) ? pipeline : PipelineTests.prepare(test, config, pipeline as Opened)
}

const pipelineOf = async (
  test: PipelineTest,
  config: { readonly file?: string; readonly pipeline?: string },
  opener: Opener
): Promise<Opened | ReadonlyArray<Diagnostic.Diagnostic>> => {
  const folder = dirname(resolve(test.file))
  const own = await opener.open(test.file)
  const beside = ["pipeline.yaml", "pipeline.yml", "pipeline.ts"].map((name) => join(folder, name)).find(existsSync)
  const path = config.file !== undefined ? resolve(folder, config.file) : own.pipelines.length > 0 ? undefined : beside
  if (path === undefined && own.pipelines.length === 0) {
    if (own.diagnostics.some(Diagnostic.isError)) return own.diagnostics.filter(Diagnostic.isError)
    const help = "name it: `file: ../pipeline.yaml`, relative to this file"
    return [Diagnostic.error("CW103", "the test has no pipeline", { place: test.place([]), help })]
  }
  const { diagnostics, pipelines } = path === undefined ? own : await opener.open(relative(".", path))
  const errors = diagnostics.filter(Diagnostic.isError)
  if (errors.length > 0) return errors
  const names = pipelines.map((p) => p.name)
  const found = config.pipeline === undefined ? pipelines[0] : pipelines.find((p) => p.name === config.pipeline)
  if (found !== undefined && (config.pipeline !== undefined || pipelines.length === 1)) return found
  const place = config.pipeline === undefined ? test.place([]) : test.place(["pipeline"])
  return config.pipeline === undefined
    ? [Diagnostic.error("CW103", "which pipeline is tested?", { place, help: `say \`pipeline: ${names[0] ?? "…"}\`` })]
    : [
        Diagnostic.error("CW301", `unknown pipeline \`${config.pipeline}\``, {
          place,
          help: Suggest.help(config.pipeline, names)
        })
      ]
}
