/**
 * The laws of sources: partitions first, whole lists or none, an honest end, and nothing left behind. The caller
 * brings the outside into each of its worlds; the laws listen.
 */
import type { SourceImpl } from "@coddiwomple/core/Source"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { broken, describe, must, unjudged, within, world } from "./Judge.ts"
import type { LawBroken, LawName } from "./Law.ts"
import { Listener } from "./Listener.ts"
import { nothingHeld, type ProcessOptions, start, total } from "./Process.ts"
import type { Expected, SourceSubject, SourceWorld } from "./Subject.ts"

const begin = (
  law: LawName,
  subject: SourceSubject,
  finite: boolean,
  options: ProcessOptions = {}
): Effect.Effect<SourceImpl, LawBroken, Scope.Scope> =>
  must(
    law,
    "making the source",
    start<SourceImpl>(
      {
        ...subject,
        host: { ...(subject.directory === undefined ? {} : { directory: subject.directory }), ...subject.host, finite }
      },
      options
    )
  )

const patience = "10 seconds"

export const R1 = (subject: SourceSubject): Effect.Effect<void, LawBroken> =>
  Effect.gen(function* () {
    const worlds = subject.worlds.filter((w) => w.expect !== "hangs")
    if (!worlds.some((w) => w.expect !== "fails"))
      return yield* unjudged("R1", "give the subject a world in which the source has something to say")
    for (const w of worlds) for (const finite of [true, false]) yield* firstWords(subject, w, finite)
  })

const firstWords = (subject: SourceSubject, w: SourceWorld, finite: boolean): Effect.Effect<void, LawBroken> =>
  Effect.scoped(
    Effect.gen(function* () {
      const where = `in the world "${w.title}"${finite ? "" : ", watching"}`
      yield* world("R1", `arrange "${w.title}"`, w.arrange)
      const heard = new Listener()
      const fiber = yield* heard.listen(yield* begin("R1", subject, finite))
      yield* heard.until(() => heard.settled, patience)
      if (finite || w.expect === "fails") yield* heard.until(() => false, "3 seconds")
      const goesOn = heard.exit === undefined
      yield* Fiber.interrupt(fiber)
      if (heard.offence !== undefined)
        return yield* broken("R1", `${heard.offence.what}, ${where}`, heard.offence.evidence)
      if (w.expect === "fails") {
        if (heard.failure !== undefined) return
        const what = goesOn ? "the stream goes on instead of failing" : "the stream ends as if all were well"
        return yield* broken("R1", `${what}, ${where}`, heard.story)
      }
      if (heard.failure !== undefined) return yield* broken("R1", `the stream fails ${where}`, describe(heard.failure))
      if (goesOn && finite && heard.settled)
        return yield* broken("R1", `the stream goes on although the host is finite, ${where}`, heard.story)
      if (heard.named === undefined) return yield* broken("R1", `the source names no partitions, ${where}`)
      const silent = heard.named.filter((name) => !heard.partitions.has(name))
      if (silent.length > 0)
        return yield* broken("R1", `named partitions say nothing, ${where}: ${silent.join(", ")}`, heard.story)
      const difference = compare(heard, w.expect as Readonly<Record<string, Expected>>)
      if (difference !== undefined) return yield* broken("R1", `${difference[0]}, ${where}`, difference[1])
    })
  )

type Difference = readonly [what: string, evidence: ReadonlyArray<string>]

const compare = (heard: Listener, wanted: Readonly<Record<string, Expected>>): Difference | undefined => {
  const names = Object.keys(wanted)
  const odd = [
    ...names.filter((n) => !heard.named?.includes(n)).map((n) => `- ${n}`),
    ...(heard.named ?? []).filter((n) => !names.includes(n)).map((n) => `+ ${n}`)
  ]
  if (odd.length > 0) return ["the partitions are others", odd]
  for (const [name, expected] of Object.entries(wanted)) {
    const found = heard.partitions.get(name)
    if (typeof expected === "string") {
      if (found?.state !== expected)
        return [`partition ${name} must be ${expected}, but is ${found?.state}`, heard.story]
      continue
    }
    if (found?.snapshot !== true) return [`partition ${name} has no snapshot`, heard.story]
    const [facts, bad] = "facts" in expected ? [expected.facts, expected.bad] : [expected, 0]
    const difference = compareFacts(new Set(found.facts.keys()), facts)
    if (difference.length > 0) return [`the list of partition ${name} is not complete and exact`, difference]
    if (found.bad !== bad) return [`partition ${name} must have ${bad} bad entries, but has ${found.bad}`, heard.story]
  }
  return undefined
}

const compareFacts = (found: ReadonlySet<string>, wanted: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...wanted.filter((k) => !found.has(k)).map((k) => `- ${k}`),
  ...[...found].filter((k) => !wanted.includes(k)).map((k) => `+ ${k}`)
]

/** Moments at which a source is interrupted. */
const moments = ["at once", "after its first event", "when everything is said"] as const

export const R2 = (subject: SourceSubject): Effect.Effect<void, LawBroken> =>
  Effect.gen(function* () {
    const worlds = subject.worlds.filter((w) => w.expect !== "fails")
    if (worlds.length === 0) return yield* unjudged("R2", "give the subject a world in which the source goes on")
    for (const w of worlds) for (const moment of moments) yield* leave(subject, w, moment)
  })

const leave = (
  subject: SourceSubject,
  w: SourceWorld,
  moment: (typeof moments)[number]
): Effect.Effect<void, LawBroken> =>
  Effect.gen(function* () {
    const when = `interrupted ${moment} in the world "${w.title}"`
    yield* world("R2", `arrange "${w.title}"`, w.arrange)
    const held = nothingHeld()
    const handles = () => world("R2", "handles", () => subject.handles?.() ?? 0)
    const before = yield* handles()
    const heard = new Listener()
    const started = yield* Effect.scoped(
      Effect.gen(function* () {
        const impl = yield* begin("R2", subject, false, { held })
        const fiber = yield* heard.listen(impl)
        // A world that hangs says little or nothing: then what was begun is interrupted in its middle.
        const limit = w.expect === "hangs" ? "300 millis" : patience
        if (moment === "after its first event") yield* heard.until(() => heard.events.length > 0, limit)
        if (moment === "when everything is said") yield* heard.until(() => heard.settled, limit)
        const now = performance.now()
        fiber.interruptUnsafe()
        yield* within("R2", "5 seconds", `the source, ${when},`, Fiber.await(fiber))
        return now
      })
    )
    const took = Math.round(performance.now() - started)
    if (took > 1000) return yield* broken("R2", `the source takes ${took} ms to end, ${when}`)
    let open = (yield* handles()) - before
    // A socket closes a moment after it was told to.
    while ((open > 0 || total(held) > 0) && performance.now() - started < 1000) {
      yield* Effect.sleep("10 millis")
      open = (yield* handles()) - before
    }
    const left = Object.entries({ ...held, handles: Math.max(0, open) }).filter(([, n]) => n > 0)
    if (left.length > 0)
      return yield* broken(
        "R2",
        `things are left open a second after the source was ${when}`,
        left.map(([what, n]) => `${n} ${what}`)
      )
    const count = heard.events.length
    yield* Effect.sleep("20 millis")
    if (heard.events.length > count)
      return yield* broken("R2", `the source still speaks after it was ${when}`, heard.story)
    if (heard.failure !== undefined)
      return yield* broken("R2", `the source failed before or while it was ${when}`, describe(heard.failure))
  })

export const R3 = (subject: SourceSubject): Effect.Effect<void, LawBroken> =>
  Effect.scoped(
    Effect.gen(function* () {
      const story = subject.reconnect
      if (story === undefined) return yield* unjudged("R3", "give the subject `reconnect`")
      yield* world("R3", "arrange", story.arrange)
      const heard = new Listener()
      yield* heard.listen(yield* begin("R3", subject, false))
      const grammar = () =>
        heard.offence === undefined ? Effect.void : broken("R3", heard.offence.what, heard.offence.evidence)
      const alive = () =>
        heard.exit === undefined ? Effect.void : broken("R3", "the stream ended, but it was to go on", ended(heard))

      yield* heard.until(() => differences(heard, story.before).length === 0, patience)
      yield* alive()
      const early = differences(heard, story.before)
      if (early.length > 0)
        return yield* broken("R3", "the source does not say what is there before contact is lost", early)

      // Whatever comes between loss and return may only add to doubt: nothing that was there may vanish.
      const mark = heard.events.length
      yield* world("R3", "lose", story.lose)
      const vanished = () => differences(heard, story.before).filter((line) => line.startsWith("-"))
      yield* heard.until(
        () => vanished().length > 0 || [...heard.partitions.values()].some((p) => p.state === "stale"),
        "2 seconds"
      )
      yield* alive()
      const gone = vanished()
      if (gone.length > 0)
        return yield* broken("R3", "facts vanish while contact is lost; say Freshness stale instead", [
          ...gone,
          ...heard.story.slice(mark)
        ])
      yield* world("R3", "change", () => story.change?.())
      yield* world("R3", "restore", story.restore)

      const fresh = () => [...heard.partitions.values()].every((p) => p.state === "synced")
      yield* heard.until(
        () => heard.offence !== undefined || (differences(heard, story.after).length === 0 && fresh()),
        story.within ?? patience
      )
      yield* grammar()
      yield* alive()
      const late = differences(heard, story.after)
      if (late.length > 0)
        return yield* broken("R3", "after contact was back, facts are missing or left over", [...late, ...heard.story])
      if (!fresh()) return yield* broken("R3", "after contact was back, a partition stays stale", heard.story)
    })
  )

const ended = (heard: Listener): ReadonlyArray<string> => [
  ...(heard.failure === undefined ? [] : describe(heard.failure)),
  ...heard.story
]

const differences = (heard: Listener, wanted: Readonly<Record<string, ReadonlyArray<string>>>): ReadonlyArray<string> =>
  Object.entries(wanted).flatMap(([name, facts]) =>
    compareFacts(new Set(heard.partitions.get(name)?.facts.keys() ?? []), facts).map((line) => `${line} in ${name}`)
  )
