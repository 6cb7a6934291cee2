/** What became of one test, whatever its kind, and how that is told: to people, as JSON lines, as JUnit. */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { shown } from "../Concealed.ts"
import type { Kind } from "../OutFile.ts"

export interface Outcome {
  readonly file: string
  readonly name: string
  readonly state: "passed" | "failed" | "skipped"
  readonly millis: number
  readonly diagnostics: ReadonlyArray<Diagnostic.Diagnostic>
  /** Why it was skipped. */
  readonly reason?: string
}

const declaration = '<?xml version="1.0" encoding="UTF-8"?>'

/** What `--junit` may replace. */
export const junitFile: Kind = {
  what: "a report",
  flag: "--junit",
  is: (text) => text.startsWith(`${declaration}\n<testsuites `)
}

/** The form that CI systems read. */
export const junit = (outcomes: ReadonlyArray<Outcome>): string => {
  const seconds = (list: ReadonlyArray<Outcome>) => (list.reduce((n, o) => n + o.millis, 0) / 1000).toFixed(3)
  const count = (list: ReadonlyArray<Outcome>, state: Outcome["state"]) => list.filter((o) => o.state === state).length
  const totals = (list: ReadonlyArray<Outcome>) =>
    `tests="${list.length}" failures="${count(list, "failed")}" skipped="${count(list, "skipped")}" time="${seconds(list)}"`
  const suites = [...Map.groupBy(outcomes, (o) => o.file)].map(([file, list]) =>
    [
      `  <testsuite name="${escape(file)}" ${totals(list)}>`,
      ...list.map((o) => {
        const head = `    <testcase name="${escape(o.name)}" classname="${escape(file)}" time="${seconds([o])}"`
        if (o.state === "skipped") return `${head}><skipped message="${escape(o.reason ?? "")}"/></testcase>`
        if (o.state === "passed") return `${head}/>`
        const found = o.diagnostics.map(shown)
        const text = found.map((d) => Diagnostic.toText(d)).join("\n\n")
        return `${head}><failure message="${escape(found[0]?.message ?? "failed")}">${escape(text)}</failure></testcase>`
      }),
      "  </testsuite>"
    ].join("\n")
  )
  return [declaration, `<testsuites ${totals(outcomes)}>`, ...suites, "</testsuites>", ""].join("\n")
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\n": "&#10;"
}

const escape = (text: string): string => Diagnostic.printable(text).replace(/[&<>"\n]/g, (c) => entities[c]!)
