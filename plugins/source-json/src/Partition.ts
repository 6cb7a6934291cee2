/**
 * What one file says, and what to tell the engine when it is read again. A text is taken whole or not at all: a file
 * that cannot be read leaves the last good facts in force. Entries whose text did not change are not decoded again,
 * and keep their facts, so that an edit costs what it changed.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { type BadEntry, type Fact, key, type SourceEvent } from "@coddiwomple/core/Fact"
import * as Result from "effect/Result"
import { type Finding, Findings, isObject, type Json, kindOf, pathText, quoted } from "./Findings.ts"
import { JsonText } from "./JsonText.ts"
import { check, Fault } from "./JsonTree.ts"
import { cut } from "./Slices.ts"
import { Spot } from "./Spot.ts"

/** What stands in the array of a file. */
export interface Form {
  readonly what: "cluster" | "service"
  readonly identify: (value: Json) => string | undefined
  readonly decode: (value: Json, spot: Spot, findings: Findings) => ReadonlyArray<Fact>
}

interface Entry {
  readonly identity: string | undefined
  readonly spot: Spot
  facts: ReadonlyArray<Fact>
  readonly findings: ReadonlyArray<Finding>
  readonly failed: boolean
}

interface Reading {
  readonly json: JsonText
  readonly entries: ReadonlyArray<Entry>
  /** Position of the first entry of each identity. */
  readonly index: ReadonlyMap<string, number>
  /** Facts of the good entries, by identity. */
  readonly good: ReadonlyMap<string, ReadonlyArray<Fact>>
  readonly bad: ReadonlyArray<BadEntry>
  readonly warnings: ReadonlyArray<Diagnostic.Diagnostic>
}

/** Entries without an identity say little one by one; a file of garbage is not repeated a million times. */
const mostNameless = 1000

const none: ReadonlyArray<Finding> = []

export class Partition {
  readonly name: string
  private readonly file: string
  private readonly form: Form
  private last: Reading | undefined
  private stale: { readonly since: number; readonly text: string } | undefined

  /** `name` as the engine knows it, `file` as places show it. */
  constructor(name: string, file: string, form: Form) {
    this.name = name
    this.file = file
    this.form = form
  }

  /** Events that bring the engine to what the text says, or why it says nothing. */
  take(text: string): Result.Result<ReadonlyArray<SourceEvent>, ReadonlyArray<Diagnostic.Diagnostic>> {
    const before = this.last
    if (before !== undefined && before.json.text === text && this.stale === undefined) return Result.succeed([])
    const reading = this.read(text)
    if (Result.isFailure(reading)) return Result.fail(reading.failure)
    const next = reading.success
    const whole = before === undefined || this.stale !== undefined || !alike(before.warnings, next.warnings)
    this.last = next
    this.stale = undefined
    return Result.succeed(whole ? [this.snapshot(next)] : this.delta(before, next))
  }

  /** The file could not be read again: what it said last stays in force. `now` in milliseconds since the epoch. */
  lose(diagnostics: ReadonlyArray<Diagnostic.Diagnostic>, now: number): ReadonlyArray<SourceEvent> {
    const text = JSON.stringify(diagnostics)
    if (this.stale?.text === text) return []
    this.stale = { since: this.stale?.since ?? now, text }
    const first = diagnostics[0]
    const where = first?.place === undefined ? "" : `${Diagnostic.placeText(first.place)}: `
    const reason = first === undefined ? {} : { reason: `${where}${first.message}` }
    return [
      { _tag: "Freshness", partition: this.name, state: "stale", since: this.stale.since, ...reason, diagnostics }
    ]
  }

  private snapshot(reading: Reading): SourceEvent {
    const facts: Array<Fact> = []
    for (const list of reading.good.values()) for (const fact of list) facts.push(fact)
    return { _tag: "Snapshot", partition: this.name, facts, bad: reading.bad, diagnostics: reading.warnings }
  }

  private delta(before: Reading, next: Reading): ReadonlyArray<SourceEvent> {
    const upserts: Array<Fact> = []
    const removes: Array<string> = []
    for (const [identity, facts] of next.good) {
      const old = before.good.get(identity)
      if (old === facts) continue
      upserts.push(...facts)
      if (old !== undefined) removes.push(...gone(old, facts))
    }
    for (const [identity, facts] of before.good) if (!next.good.has(identity)) removes.push(...facts.map(key))
    const bad = alike(before.bad, next.bad) ? {} : { bad: next.bad }
    if (upserts.length === 0 && removes.length === 0 && bad.bad === undefined) return []
    return [{ _tag: "Delta", partition: this.name, upserts, removes, ...bad }]
  }

  private read(text: string): Result.Result<Reading, ReadonlyArray<Diagnostic.Diagnostic>> {
    const before = this.last
    const slices = cut(text, before?.json)
    if (slices === undefined) {
      const message = `expected a list of ${this.form.what}s, found ${kindOf(JSON.parse(text))}`
      const place = new JsonText(this.file, text).at(text.length - text.trimStart().length)
      return Result.fail([Diagnostic.error("CW401", message, { place, help: `write [ { "name": … }, … ]` })])
    }
    if (slices instanceof Fault) return Result.fail([this.broken(text, slices)])
    const json = new JsonText(this.file, text, slices)
    const end = slices.starts.length - slices.suffix
    const changedText = end > slices.prefix ? text.slice(slices.starts[slices.prefix], slices.ends[end - 1]) : ""
    let values: ReadonlyArray<unknown>
    try {
      values = JSON.parse(`[${changedText}]`) as ReadonlyArray<unknown>
    } catch (cause) {
      return Result.fail([this.broken(text, check(text) ?? new Fault("CW002", (cause as Error).message, 0))])
    }
    const changed = values.map((value, i) => this.decode(json, slices.prefix + i, value))
    const kept = before?.entries ?? []
    const entries = kept.slice(0, slices.prefix).concat(changed, slices.suffix === 0 ? [] : kept.slice(-slices.suffix))
    return Result.succeed(this.assemble(json, entries))
  }

  private decode(json: JsonText, index: number, value: unknown): Entry {
    const findings = new Findings()
    if (!isObject(value)) {
      findings.error("CW401", [], `expected an object, found ${kindOf(value)}`)
      return { identity: undefined, spot: new Spot(this.name), facts: [], findings: findings.list, failed: true }
    }
    const identity = this.form.identify(value)
    const at = identity === undefined ? undefined : this.last?.index.get(identity)
    const known = at === undefined ? undefined : this.last!.entries[at]
    // It moved, and nothing else.
    if (known !== undefined && this.last!.json.slice(at!) === json.slice(index)) return known
    // One identity, one spot: whoever still holds a fact of the earlier text finds the new place.
    const spot = known?.spot ?? new Spot(this.name)
    const facts = this.form.decode(value, spot, findings)
    // Fewer keys than colons: a key stands twice, and JSON.parse has dropped one. Or nobody looked at an object.
    if (findings.keys !== json.slices.keys[index]) {
      for (const path of json.duplicates(index)) {
        findings.error("CW404", path, `key ${quoted(String(path[path.length - 1]))} stands twice`, undefined, "key")
      }
    }
    if (findings.list.length === 0) return { identity, spot, facts, findings: none, failed: false }
    const failed = findings.failed
    return { identity, spot, facts: failed ? [] : facts, findings: findings.list, failed }
  }

  /** From here on nothing fails: spots move, duplicates are found, paths become places. */
  private assemble(json: JsonText, entries: ReadonlyArray<Entry>): Reading {
    const first = new Map<string, number>()
    const twice = new Set<string>()
    for (let i = 0; i < entries.length; i++) {
      const { identity, spot } = entries[i]!
      spot.move(json, i)
      if (identity === undefined) continue
      if (first.has(identity)) twice.add(identity)
      else first.set(identity, i)
    }
    const good = new Map<string, ReadonlyArray<Fact>>()
    const bad: Array<BadEntry> = []
    const warnings: Array<Diagnostic.Diagnostic> = []
    let nameless = 0
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i]!
      const { identity } = entry
      const duplicate = identity !== undefined && twice.size > 0 && twice.has(identity)
      if (!duplicate && entry.findings.length === 0) {
        if (identity !== undefined) good.set(identity, ordered(entry, i))
        continue
      }
      if (identity === undefined && ++nameless > mostNameless) continue
      const diagnostics = entry.findings.map((finding) => this.locate(json, i, entry, finding))
      if (duplicate && first.get(identity) !== i)
        diagnostics.push(this.duplicate(json, i, identity, first.get(identity)!))
      if (duplicate || entry.failed) {
        const about = identity === undefined ? {} : { [this.form.what]: identity }
        if (diagnostics.length > 0) bad.push({ ...about, diagnostics })
      } else {
        warnings.push(...diagnostics)
        if (identity !== undefined) good.set(identity, ordered(entry, i))
      }
    }
    if (nameless > mostNameless) {
      const message = `${nameless - mostNameless} more entries that cannot be read`
      bad.push({ diagnostics: [Diagnostic.error("CW401", message, { place: { file: this.file } })] })
    }
    return { json, entries, index: first, good, bad, warnings }
  }

  private locate(json: JsonText, index: number, entry: Entry, finding: Finding): Diagnostic.Diagnostic {
    const { code, message, path, at, help } = finding
    const make = finding.severity === "error" ? Diagnostic.error : Diagnostic.warning
    return make(code, `${this.who(entry.identity, index)}: ${message}`, {
      place: json.place(index, path, at),
      field: pathText([index, ...path]),
      service: this.form.what === "service" ? entry.identity : undefined,
      help
    })
  }

  private duplicate(json: JsonText, index: number, identity: string, first: number): Diagnostic.Diagnostic {
    const place = json.place(first, [])
    return Diagnostic.error("CW404", `${this.who(identity, index)} stands twice in this file; neither entry counts`, {
      place: json.place(index, []),
      field: pathText([index, "name"]),
      service: this.form.what === "service" ? identity : undefined,
      related: [{ message: "the first entry", ...(place === undefined ? {} : { place }) }]
    })
  }

  private broken(text: string, fault: Fault): Diagnostic.Diagnostic {
    const json = new JsonText(this.file, text)
    const related = fault.opened === undefined ? undefined : [{ message: "opened here", place: json.at(fault.opened) }]
    return Diagnostic.error(fault.code, fault.message, { place: json.at(fault.offset), related })
  }

  private who(identity: string | undefined, index: number): string {
    return identity !== undefined && /^[\w.-]{1,200}$/.test(identity)
      ? `${this.form.what} ${identity}`
      : `entry ${index + 1}`
  }
}

/** A cluster carries its position: a fact that moved is another fact. */
const ordered = (entry: Entry, index: number): ReadonlyArray<Fact> => {
  const fact = entry.facts[0]
  if (fact?.kind === "cluster" && fact.order !== index) entry.facts = [{ ...fact, order: index }]
  return entry.facts
}

const gone = (old: ReadonlyArray<Fact>, now: ReadonlyArray<Fact>): ReadonlyArray<string> => {
  const kept = new Set(now.map(key))
  return old.map(key).filter((k) => !kept.has(k))
}

const alike = (a: ReadonlyArray<unknown>, b: ReadonlyArray<unknown>): boolean =>
  (a.length === 0 && b.length === 0) || (a.length === b.length && JSON.stringify(a) === JSON.stringify(b))
