/**
 * Says to people and programs what a command found. Text goes to stderr, in colour only on a terminal; with `-o json`
 * every finding is one line of JSON. On GitHub Actions findings with a place become annotations as well.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { Stamped } from "@coddiwomple/core/Event"
import * as Concealed from "./Concealed.ts"
import * as EventJson from "./EventJson.ts"
import * as PlanText from "./PlanText.ts"
import * as Terminal from "./Terminal.ts"
import { version } from "./Version.ts"

export type Output = "text" | "json"

export interface Options {
  /** The command that speaks, as `plan`. */
  readonly command: string
  readonly output: Output
  readonly color: Terminal.ColorMode
  /** Where JSON lines go: stdout where the findings are the command's data, else stderr. */
  readonly json: "stdout" | "stderr"
}

/** Warnings of one code that are told in full. */
const mostAlike = 10

const concealed = (plans: ReadonlyArray<PlanText.SinkPlan>): ReadonlyArray<PlanText.SinkPlan> =>
  plans.map(({ plan, sink }) => ({ sink, plan: Concealed.plan(plan) }))

export class Presenter {
  readonly command: string
  readonly output: Output
  readonly paint: Terminal.Paint
  /** For what a command prints on stdout as its data. */
  readonly paintData: Terminal.Paint
  private readonly jsonTo: "stdout" | "stderr"
  private readonly annotate = process.env.GITHUB_ACTIONS === "true"

  constructor(options: Options) {
    this.command = options.command
    this.output = options.output
    this.jsonTo = options.json
    this.paint = Terminal.paint(options.color, process.stderr)
    this.paintData = Terminal.paint(options.color, process.stdout)
  }

  /** The first line of a stream of events. */
  begin(): void {
    if (this.output === "json")
      this.line({ type: "version", level: "info", time: new Date().toISOString(), cw: version })
  }

  /**
   * All findings in the order of their places. A fleet that earns one warning a thousand times is told so: the first few
   * in full, and how many there are. `validate` and JSON leave nothing out, and no error is ever left out.
   */
  diagnostics(found: ReadonlyArray<Diagnostic.Diagnostic>): void {
    const sorted = [...found].sort(Diagnostic.compare)
    const warnings = new Map<string, number>()
    const brief = this.output === "text" && this.command !== "validate"
    for (const whole of sorted) {
      // What is merely worth knowing is told where somebody asks for an opinion on the file, or to programs.
      if (whole.severity === "info" && brief) continue
      if (whole.severity === "warning" && brief) {
        const count = (warnings.get(whole.code) ?? 0) + 1
        warnings.set(whole.code, count)
        if (count > mostAlike) continue
      }
      const d = Concealed.shown(whole)
      if (this.output === "json") this.line(EventJson.diagnostic(d))
      else Terminal.say(Diagnostic.toText(d, { style: this.paint }))
      if (this.annotate) Terminal.say(Diagnostic.toAnnotation(d))
    }
    for (const [code, count] of warnings) {
      if (count <= mostAlike) continue
      const head = this.paint("warning", `warning[${code}]`)
      Terminal.say(`${head}: ${count - mostAlike} more of these; \`-o json\` lists all ${count}`)
    }
  }

  event(event: Stamped): void {
    if (this.output !== "json") return
    for (const line of EventJson.lines(event, Concealed.shown)) this.raw(line)
  }

  plan(pipeline: string, generation: number, plans: ReadonlyArray<PlanText.SinkPlan>): void {
    if (this.output === "text")
      Terminal.say(PlanText.render(pipeline, generation, concealed(plans), { paint: this.paint, limit: 100 }))
  }

  /** One sentence for a person; programs have read it in the lines. */
  summary(text: string): void {
    if (this.output === "text") Terminal.say(text)
  }

  line(line: EventJson.Line): void {
    this.raw(JSON.stringify(Concealed.shown(line)))
  }

  private raw(json: string): void {
    // What JSON leaves as it is can still turn a terminal upside down.
    const text = Diagnostic.printable(json)
    if (this.jsonTo === "stdout") process.stdout.write(`${text}\n`)
    else Terminal.say(text)
  }
}
