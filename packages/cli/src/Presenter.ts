/**
 * Says to people and programs what a command found. Text goes to stderr, in colour only on a terminal; with `-o json`
 * every finding is one line of JSON. On GitHub Actions findings with a place become annotations as well.
 */
import { isAbsolute, relative, resolve } from "node:path"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { Stamped } from "@coddiwomple/core/Event"
import * as Concealed from "./Concealed.ts"
import * as EventJson from "./EventJson.ts"
import * as NodePlace from "./NodePlace.ts"
import type { Opened } from "./Opened.ts"
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

/** GitHub reads paths from the root of the checkout, in whichever folder of it the command runs. */
const fromCheckout = (d: Diagnostic.Diagnostic): Diagnostic.Diagnostic => {
  const root = process.env.GITHUB_WORKSPACE
  if (root === undefined || root === "" || d.place === undefined) return d
  const file = relative(root, resolve(d.place.file))
  return file.startsWith("..") || isAbsolute(file) ? d : { ...d, place: { ...d.place, file } }
}

export class Presenter {
  readonly command: string
  readonly output: Output
  readonly paint: Terminal.Paint
  /** For what a command prints on stdout as its data. */
  readonly paintData: Terminal.Paint
  private readonly jsonTo: "stdout" | "stderr"
  private readonly annotate = process.env.GITHUB_ACTIONS === "true"
  private readonly options: Options
  private located: ReturnType<typeof NodePlace.located> = (finding) => finding

  constructor(options: Options) {
    this.options = options
    this.command = options.command
    this.output = options.output
    this.jsonTo = options.json
    this.paint = Terminal.paint(options.color, process.stderr)
    this.paintData = Terminal.paint(options.color, process.stdout)
  }

  /** For one pipeline: findings of its nodes say where those stand in its file. */
  of(pipeline: Opened): Presenter {
    const own = new Presenter(this.options)
    own.takeUp(pipeline)
    return own
  }

  /** The file was read again: nodes may stand elsewhere in it. */
  takeUp({ checked }: Opened): void {
    this.located = NodePlace.located(checked)
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
    const sorted = found.map((d) => this.located(d)).sort(Diagnostic.compare)
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
      if (this.output === "json") this.raw(JSON.stringify(EventJson.diagnostic(d)))
      else Terminal.say(Diagnostic.toText(d, { style: this.paint }))
      if (this.annotate) Terminal.say(Diagnostic.toAnnotation(fromCheckout(d)))
    }
    for (const [code, count] of warnings) {
      if (count <= mostAlike) continue
      const head = this.paint("warning", `warning[${code}]`)
      Terminal.say(`${head}: ${count - mostAlike} more of these; \`-o json\` lists all ${count}`)
    }
  }

  event(event: Stamped): void {
    if (this.output !== "json") return
    for (const line of EventJson.lines(event, (line) => Concealed.shown(this.locatedLine(line)))) this.raw(line)
  }

  private locatedLine(line: EventJson.Line): EventJson.Line {
    return line.type === "diagnostic" ? this.located(line) : line
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
    this.raw(JSON.stringify(Concealed.shown(this.locatedLine(line))))
  }

  private raw(json: string): void {
    // What JSON leaves as it is can still turn a terminal upside down.
    const text = Diagnostic.printable(json)
    if (this.jsonTo === "stdout") Terminal.line(text)
    else Terminal.say(text)
  }
}
