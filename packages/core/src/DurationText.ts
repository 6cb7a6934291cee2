/**
 * Durations as people write them in configuration: `100ms`, `30s`, `1h30m`, `2 minutes`. A bare number has no unit and
 * is refused. The text is what a configuration holds; the decoded value is Effect's Duration.
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const unit = "(ms|milli(?:second)?s?|s(?:ec(?:ond)?s?)?|m(?:in(?:ute)?s?)?|h(?:ours?)?|d(?:ays?)?)"
const part = `(\\d+(?:\\.\\d+)?) ?${unit}`

const millis = (text: string): number => {
  let sum = 0
  for (const [, count, name] of text.matchAll(new RegExp(part, "gu"))) {
    sum += Number(count) * units[name === "ms" || name!.startsWith("mil") ? "ms" : name![0]!]!
  }
  return sum
}

const expected = "a duration with its unit, as 100ms, 30s, 5m or 1h30m"

/** Decodes `30s` to a Duration; encodes to milliseconds, as `30000ms`. */
export const DurationText = Schema.String.check(
  Schema.isPattern(new RegExp(`^${part}(?: ?${part})*$`, "u"), { expected })
).pipe(
  Schema.decodeTo(Schema.Duration, {
    decode: SchemaGetter.transform((text: string) => Duration.millis(millis(text))),
    encode: SchemaGetter.transform((duration: Duration.Duration) => `${Duration.toMillis(duration)}ms`)
  })
)
