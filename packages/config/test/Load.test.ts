/** What holds for every text: the loader answers, quickly, with places inside the file; and what fingerprints promise. */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { parse } from "@coddiwomple/config/Document"
import { effective, toYaml } from "@coddiwomple/config/Effective"
import { load } from "@coddiwomple/config/Load"
import type { PipelineNode } from "@coddiwomple/config/Pipeline"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { stringify } from "yaml"
import { resolve } from "./Plugins.ts"

const run = (text: string, env: Readonly<Record<string, string>> = {}) =>
  Effect.runPromise(
    load(text, "pipeline.yaml", {
      plugins: resolve,
      env: (name) => (Object.hasOwn(env, name) ? env[name] : undefined),
      readFile: (path) => (path === "secret" ? Effect.succeed("hidden\n") : Effect.fail("there is no such file"))
    })
  )

const root = join(import.meta.dirname, "fixtures")
const corpus = readdirSync(root).map((name) => readFileSync(join(root, name, "pipeline.yaml"), "utf8"))

const placesOf = (d: Diagnostic.Diagnostic) =>
  [d.place, ...(d.related ?? []).map((r) => r.place)].filter((p) => p !== undefined)

/** The line itself, or with stars in place of what may be secret. */
const isLine = (line: string, source: string | undefined): boolean =>
  source?.length === line.length &&
  [...source.split("").keys()].every((i) => source[i] === line[i] || source[i] === "*")

const inside = (text: string, place: Diagnostic.Place): boolean => {
  if (place.line === undefined) return true
  const lines = text.replace(/^\uFEFF/, "").split("\n")
  const line = lines[place.line - 1]?.replace(/\r$/, "")
  if (line === undefined || !isLine(line, place.source) || place.col === undefined) return false
  return (
    place.col >= 1 &&
    place.col <= line.length + 1 &&
    (place.endCol === undefined || (place.endCol > place.col && place.endCol <= line.length + 1))
  )
}

const answers = async (text: string): Promise<void> => {
  const { diagnostics, pipelines, tests } = await run(text)
  expect(diagnostics.length + pipelines.length + tests.length).toBeGreaterThan(0)
  for (const d of diagnostics) {
    for (const place of placesOf(d)) expect(inside(text, place), JSON.stringify([text, d])).toBe(true)
    expect(Diagnostic.toText(d)).not.toMatch(/undefined|\[object|~effect/)
  }
}

describe("any text", () => {
  const pieces = [
    "sources:",
    "sinks:",
    "  in: ",
    "{",
    "}",
    "[",
    "]",
    "&a ",
    "*a",
    "<<: ",
    "- ",
    ": ",
    "? ",
    "uses: json",
    "\n",
    "\r\n",
    "\t",
    " ",
    "---\n",
    "${env:X}",
    "'",
    '"',
    "#",
    "|",
    "!x ",
    "%",
    "from: [a]",
    "null",
    "\uFEFF",
    "…",
    "💥",
    "with:",
    "enabled: false"
  ]

  it("is answered, with places inside the file", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string({ unit: "binary" }),
          fc.array(fc.constantFrom(...pieces)).map((p) => p.join(""))
        ),
        answers
      ),
      { numRuns: 300 }
    )
  })

  it("is answered when a good or bad pipeline is cut and mixed", async () => {
    const cut = fc.record({
      text: fc.constantFrom(...corpus),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      length: fc.nat({ max: 20 }),
      put: fc.constantFrom("", ...pieces)
    })
    await fc.assert(
      fc.asyncProperty(cut, async ({ text, at, length, put }) => {
        const from = Math.floor(at * text.length)
        await answers(text.slice(0, from) + put + text.slice(from + length))
      }),
      { numRuns: 200 }
    )
  })

  it.each([
    ["50 MB of brackets", () => "[".repeat(50_000_000), "CW005"],
    ["a file of brackets", () => "[".repeat(999_999), "CW005"],
    ["nested lists in one line", () => "- ".repeat(400_000), "CW005"],
    ["nested mappings", () => Array.from({ length: 1300 }, (_, i) => `${" ".repeat(i)}a:\n`).join(""), "CW005"],
    ["very many keys", () => Array.from({ length: 90_000 }, (_, i) => `k${i}: 1\n`).join(""), "CW005"],
    ["very many documents", () => "---\n".repeat(200_000), "CW005"],
    [
      "very many merges",
      () =>
        `a: &a {${Array.from({ length: 20_000 }, (_, i) => `k${i}: 1`).join()}}\nb:\n${"- <<: *a\n".repeat(20_000)}`,
      "CW005"
    ],
    [
      "very many nodes",
      () => `sources:\n${Array.from({ length: 2000 }, (_, i) => `  n${i}: { uses: json }\n`).join("")}`,
      "CW005"
    ]
  ])("%s is refused within seconds", async (_name, text, code) => {
    const started = performance.now()
    const { diagnostics } = await run(text())
    expect(diagnostics.map((d) => d.code)).toContain(code)
    expect(performance.now() - started).toBeLessThan(10_000)
  })
})

describe("places", () => {
  const text = 'a: &x\n  b: "ü"\r\n  c: [1,\n    2]\nd: { <<: *x, e: }\nf: *x\n'
  const [document] = parse(text, "f").documents

  it("lead to keys and values, through merges and aliases, and to the nearest part of what is missing", () => {
    const at = (path: ReadonlyArray<string | number>, what?: "key" | "value") => {
      const { line, col, endCol } = document!.place(path, what)
      return [line, col, endCol]
    }
    expect(at(["a", "b"])).toEqual([2, 6, 9])
    expect(at(["a", "b"], "key")).toEqual([2, 3, 4])
    expect(at(["a", "c", 1])).toEqual([4, 5, 6])
    expect(at(["a", "c"])).toEqual([3, 3, 4])
    expect(at(["d", "b"])).toEqual([2, 6, 9])
    expect(at(["d", "e"])).toEqual([5, 14, 15])
    expect(at(["f"])).toEqual([6, 1, 2])
    expect(at(["d", "missing", "deeper"])).toEqual([5, 1, 2])
    expect(at(["a", "b", "deeper"])).toEqual([2, 3, 4])
  })
})

describe("the effective configuration", () => {
  const text = `
sources: { in: { uses: json, with: { clusters: c, services: "\${env:SERVICES}" } } }
sinks:
  hook: { uses: webhook, with: { url: "https://me:\${env:PASSWORD}@x", token: plain, port: "\${env:PORT}", note: "\${file:secret}" } }
`
  const env = { SERVICES: "s.json", PASSWORD: "pass-word", PORT: "80" }

  it("hides secret fields, what came out of a file and from variables, unless told otherwise", async () => {
    const { pipelines } = await run(text, env)
    const shown = (unredacted: boolean) => (effective(pipelines[0]!, { unredacted }).value as any).sinks.hook.with
    const references = { url: "https://me:${env:PASSWORD}@x", port: "${env:PORT}" }
    expect(shown(false)).toEqual({ ...references, token: "<redacted>", note: "<redacted>" })
    expect(shown(true)).toEqual({ url: "https://me:pass-word@x", token: "plain", port: 80, note: "hidden" })
    expect(toYaml([effective(pipelines[0]!)], { origins: true })).not.toMatch(/pass-word|plain|hidden/)
    expect(pipelines[0]!.nodes[1]!.config).toEqual(shown(true))
  })
})

describe("fingerprints", () => {
  const nodes = async (document: unknown, env?: Readonly<Record<string, string>>): Promise<Record<string, string>> => {
    const { pipelines, diagnostics } = await run(stringify(document), env)
    expect(diagnostics.filter(Diagnostic.isError)).toEqual([])
    return Object.fromEntries(pipelines[0]!.nodes.map((n: PipelineNode) => [n.id, n.fingerprint]))
  }
  const document = {
    apiVersion: "coddiwomple.io/v1alpha1",
    sources: { in: { uses: "json", description: "d", with: { clusters: "c", services: "s", watch: false } } },
    transforms: {
      mesh: { uses: "istio-global-dns", timeout: "5s", with: { profile: "tls", gateway: { port: 1, namespace: "n" } } }
    },
    sinks: {
      a: {
        uses: "webhook",
        guard: { deletes: 1, percent: 2 },
        with: { url: "http://${env:HOST}", port: "${env:PORT}", token: "${file:secret}" }
      },
      b: { uses: "stdout", from: ["mesh"] }
    }
  }
  const env = { HOST: "example", PORT: "10" }

  const shuffle = (value: unknown, order: (keys: ReadonlyArray<string>) => ReadonlyArray<string>): unknown =>
    typeof value !== "object" || value === null || Array.isArray(value)
      ? value
      : Object.fromEntries(
          order(Object.keys(value)).map((key) => [key, shuffle((value as Record<string, unknown>)[key], order)])
        )

  it("do not change with the order of keys", async () => {
    const first = await nodes(document, env)
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(fc.nat()), async (numbers) => {
        const order = (keys: ReadonlyArray<string>) => {
          const ranked = keys.map((key) => [numbers.next().value as number, key] as const)
          return ranked.sort(([a], [b]) => a - b).map(([, key]) => key)
        }
        expect(await nodes(shuffle(document, order), env)).toEqual(first)
      }),
      { numRuns: 25 }
    )
  })

  it("change with what the node is made of, and with nothing else", async () => {
    const first = await nodes(document, env)
    const changed = async (edit: (copy: any) => void, variables = env) => {
      const copy = structuredClone(document)
      edit(copy)
      const next = await nodes(copy, variables)
      return Object.keys(first).filter((id) => first[id] !== next[id])
    }
    expect(await changed(() => {})).toEqual([])
    expect(await changed((d) => (d.sources.in.description = "other"))).toEqual([])
    expect(await changed((d) => (d.sources.in.with.watch = true))).toEqual(["in"])
    expect(await changed((d) => (d.transforms.mesh.timeout = "6s"))).toEqual(["mesh"])
    expect(await changed((d) => (d.sinks.a.guard.deletes = 2))).toEqual(["a"])
    expect(await changed((d) => delete d.sinks.b.from)).toEqual(["b"])
    expect(await changed((d) => (d.sinks.b.with = null))).toEqual([])
    expect(await changed(() => {}, { ...env, PORT: "11" })).toEqual(["a"])
    expect(await changed((d) => (d.transforms.more = { uses: "istio-global-dns" }))).toEqual([])
  })
})
