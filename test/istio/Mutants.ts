// Objects with one thing wrong, or merely different: a field removed, repeated, or of another value of the same type.
import { read } from "@coddiwomple/core/Read"
import * as fc from "fast-check"

const strings = [
  "",
  "a b",
  "UPPER",
  "x".repeat(64),
  "*",
  "*.global",
  "-a",
  "a-",
  "1.2.3.4",
  "300.1.1.1",
  "2001:db8::1",
  "a_b",
  "10.0.0.0/8",
  ".",
  "~",
  "team",
  "5s",
  "1us",
  "0s",
  "1.5s",
  "reviews",
  "a..b",
  "global.",
  "HTTP",
  "TCP",
  "HTTPS",
  "TLS",
  "UDP",
  "NOPE",
  "NONE",
  "STATIC",
  "DNS",
  "DNS_ROUND_ROBIN",
  "ISTIO_MUTUAL",
  "AUTO_PASSTHROUGH",
  "SIMPLE",
  "key=value",
  "é.global"
]
const numbers = [0, 1, 80, 81, 101, 5432, 65535, 65536, 70000, -1]

interface Spot {
  readonly parent: any
  readonly key: string | number
}

const spots = (value: any, path: ReadonlyArray<string> = []): ReadonlyArray<Spot> =>
  typeof value !== "object" || value === null
    ? []
    : Object.keys(value).flatMap((key) => {
        // Identity of the object itself is not what is mutated; its name is.
        if (path.length === 0 && (key === "apiVersion" || key === "kind")) return []
        return [{ parent: value, key }, ...spots(value[key], [...path, key])]
      })

/** The object of a text with one mutation. */
export const mutant = (text: string): fc.Arbitrary<{ readonly object: any; readonly what: string }> =>
  fc
    .record({
      spot: fc.nat(),
      how: fc.nat({ max: 9 }),
      string: fc.constantFrom(...strings),
      number: fc.constantFrom(...numbers)
    })
    .map(({ how, number, spot, string }) => {
      const object = read(text) as any
      const all = spots(object)
      const { key, parent } = all[spot % all.length]!
      const before = parent[key]
      const name = (value: unknown) => JSON.stringify(value)?.slice(0, 80)
      if (how === 0) {
        if (Array.isArray(parent)) parent.splice(Number(key), 1)
        else delete parent[key]
        return { object, what: `${key} removed (was ${name(before)})` }
      }
      if (Array.isArray(before)) {
        if (how < 6 && before.length > 0) before.push(structuredClone(before[0]))
        else before.length = 0
      } else if (typeof before === "string") parent[key] = string
      else if (typeof before === "number") parent[key] = number
      else if (typeof before === "boolean") parent[key] = !before
      else if (typeof before === "object") parent[key] = {}
      return { object, what: `${key}: ${name(before)} → ${name(parent[key])}` }
    })
