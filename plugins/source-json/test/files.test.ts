/** What a whole file can be wrong with, and what no file may ever do. */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { Worlds } from "@coddiwomple/testing"
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as FastCheck from "fast-check"
import { describe, expect, it } from "vitest"
import * as Fleet from "../../../test/bench/Fleet.ts"
import { keys, lines, marked, read, readIn, service } from "./Reading.ts"

const refused = async (text: string | Uint8Array) => (await read({ "services.json": text })).refused

describe("a file that cannot be read as a whole stops the first reading", () => {
  it.each<[title: string, text: string, place: string, message: RegExp, mark?: string]>([
    ["nothing", "", "1:1", /the file is empty/],
    ["blank space", " \n\n ", "1:1", /the file is empty/],
    ["a word", "hello", "1:1", /expected a value, found "hello"/],
    ["an object", '\n{"services": []}', "2:1", /expected a list of services, found an object/],
    ["a cut file", '[\n  {"name": "foo",\n   "ports": [\n', "3:13", /ends too early: expected a value/],
    ["a cut string", '[\n  {"name": "fo', "2:12", /a string that is never closed/],
    ["a string over two lines", '[{"name": "fo\no"}]', "1:11", /not closed on its line/],
    ["a comma too much", '[\n  {"name": "foo",}\n]', "2:17", /a comma before "}"/, ","],
    ["a comma too much in the list", '[\n  {"name": "foo"},\n]', "2:18", /a comma before "\]"/],
    ["a comma too few", '[\n  {"name": "foo"}\n  {"name": "bar"}\n]', "3:3", /expected "," or "\]", found "\{"/, "{"],
    ["a colon too few", '[{"name" "foo"}]', "1:10", /expected ":"/],
    ["single quotes", "[{'name': 'foo'}]", "1:3", /JSON has double quotes only/],
    ["a bare key", "[{name: 1}]", "1:3", /expected a key in double quotes, found "name"/],
    ["a comment", '[\n  // first\n  {"name": "foo"}\n]', "2:3", /a comment, which JSON does not have/],
    ["a Python value", '[{"meshed": True}]', "1:13", /expected a value, found "True"/],
    ["NaN", '[{"weight": NaN}]', "1:13", /found "NaN"/],
    ["a leading zero", '[{"port": 080}]', "1:11", /found "080"/],
    ["a control character", '[{"name": "a\u0001b"}]', "1:13", /a control character/],
    ["a wrong escape", '[{"path": "C:\\work"}]', "1:14", /an escape that JSON does not know/],
    ["two values", "[] []", "1:4", /after the end of the value/],
    ["a bracket of the other kind", '[{"a": [1}]', "1:10", /expected "," or "\]", found "\}"/]
  ])("%s", async (_title, text, place, message, mark) => {
    const found = await refused(text)
    expect(found).toHaveLength(1)
    expect(`${found[0]!.place?.line}:${found[0]!.place?.col}`).toBe(place)
    expect(found[0]!.code).toBe(message.source.includes("list of services") ? "CW401" : "CW002")
    expect(found[0]!.message).toMatch(message)
    expect(found[0]!.place?.source).toBeDefined()
    if (mark !== undefined) expect(marked(found[0]!)).toBe(mark)
  })

  it("says which bracket is never closed, with a frame", async () => {
    const [found] = await refused('[\n  {"name": "foo", "backends": {"a": "foo.x"}\n')
    expect(
      Diagnostic.toText(found!)
        .replaceAll(/--> .*services\.json/g, "--> services.json")
        .replaceAll(/: \/.*services\.json/g, ": services.json")
    ).toBe(
      [
        'error[CW002]: the file ends too early: expected "," or "}"',
        "  --> services.json:2:44",
        "   |",
        ' 2 |   {"name": "foo", "backends": {"a": "foo.x"}',
        "   |                                            ^",
        "   = opened here: services.json:2:3",
        "   = help: mend the syntax at the place shown"
      ].join("\n")
    )
  })

  it.each<[title: string, bytes: Uint8Array, place: string, message: RegExp]>([
    ["Latin-1", Buffer.from('[\n{"name": "h\xe4nsel"}]', "latin1"), "2:12", /not UTF-8 here/],
    ["UTF-16", Buffer.from("\ufeff[]", "utf16le"), "1:1", /UTF-16/],
    ["a cut sequence", Buffer.from([0x5b, 0x22, 0xe2, 0x82]), "1:3", /not UTF-8/]
  ])("%s", async (_title, bytes, place, message) => {
    const found = await refused(bytes)
    expect(found.map((d) => [d.code, `${d.place?.line}:${d.place?.col}`])).toEqual([["CW002", place]])
    expect(found[0]!.message).toMatch(message)
  })

  it("a byte order mark, Windows line ends and wild spacing are fine", async () => {
    const text = `\ufeff \r\n[\t${JSON.stringify([service("foo")], null, 3)
      .slice(1, -1)
      .replaceAll("\n", "\r\n")}\r\n]\r\n \n`
    const { snapshots, found } = await read({ "services.json": Buffer.from(text) })
    expect(found).toEqual([])
    const fact = snapshots["services.json"]!.facts[0]!
    expect(fact.origin.place?.(["ports", 0, "protocol"])).toMatchObject({
      line: 11,
      col: 25,
      source: '            "protocol": "HTTP",'
    })
  })

  it.each([
    ["lists", "[".repeat(50_000_000)],
    ["objects", '[{"a":'.repeat(8_000_000)],
    ["one deep entry", `[${"[".repeat(100_000)}${"]".repeat(100_000)}]`],
    ["entries without number", `[${"0,".repeat(1_100_000)}0]`]
  ])("a bomb of %s is refused at once", async (_title, text) => {
    const start = performance.now()
    const found = await refused(text)
    expect(found.map((d) => d.code)).toEqual(["CW005"])
    // Seconds are for a machine that does ten other things; the cut itself takes milliseconds.
    expect(performance.now() - start).toBeLessThan(5000)
  })

  it("a file of garbage is not repeated a million times", async () => {
    const { snapshots } = await read({ "services.json": `[${"0,".repeat(200_000)}0]` })
    const { bad } = snapshots["services.json"]!
    expect(bad).toHaveLength(1001)
    expect(bad!.at(-1)!.diagnostics[0]!.message).toBe("199001 more entries that cannot be read")
  })

  it("what is no file is not opened, and all files are told of at once", async () => {
    using world = Worlds.directory()
    const problem = async (config: { clusters?: string; services?: string }) =>
      (await readIn(world.directory, { ...config, watch: false })).refused.map((d) =>
        `${d.code} ${d.message.replaceAll(`${world.directory}/`, "")} ${d.help ?? ""}`.trim()
      )
    execFileSync("mkfifo", [world.path("pipe.json")])
    fs.mkdirSync(world.path("folder"))
    world.write("clusters.json", "[\n  {]\n")
    world.write("big.json", "")
    fs.truncateSync(world.path("big.json"), 65 * 1024 * 1024)
    fs.symlinkSync("nowhere", world.path("dangling.json"))
    expect(await problem({ services: "pipe.json" })).toEqual(["CW003 pipe.json is a named pipe, not a regular file"])
    expect(await problem({ services: "folder" })).toEqual(["CW003 folder is a directory, not a regular file"])
    expect(await problem({ services: "big.json" })).toEqual(["CW005 big.json is larger than 64 MB"])
    expect(await problem({ services: "dangling.json" })).toEqual(["CW003 dangling.json does not exist"])
    expect(await problem({ clusters: "clusters.json", services: "cluster.json" })).toEqual([
      'CW003 cluster.json does not exist did you mean "clusters.json"?',
      'CW002 expected a key in double quotes, found "]"'
    ])
    expect(await problem({ clusters: "clusters.json", services: "clusters.json" })).toEqual([
      "CW105 `clusters` and `services` name the same file give each list a file of its own"
    ])
  })

  it("a bad entry of one file is told beside the failure of the other", async () => {
    const { refused, events } = await read({ "clusters.json": '[{"name": "a"}]', "services.json": "[" })
    expect(events).toEqual([])
    expect(refused.map((d) => d.code)).toEqual(["CW401", "CW002"])
  })
})

describe("for any input", () => {
  const json = FastCheck.oneof(
    { weight: 3, arbitrary: FastCheck.jsonValue() },
    { weight: 1, arbitrary: FastCheck.anything({ withNullPrototype: false }) }
  )
  const known = [
    "name",
    "namespace",
    "dns_prefixes",
    "ports",
    "backends",
    "address",
    "traffic",
    "tiers",
    "consumers",
    "export_to",
    "meshed",
    "labels",
    "gateway",
    "dns",
    "addresses"
  ]
  const entry = FastCheck.oneof(
    json,
    FastCheck.dictionary(FastCheck.oneof(FastCheck.constantFrom(...known), FastCheck.string()), json)
  )
  const encode = (value: unknown) =>
    JSON.stringify(value, (_k, v: unknown) => (typeof v === "bigint" ? String(v) : v)) ?? "null"

  it("any JSON value is facts or findings, never a crash, and no good service is lost", async () => {
    await FastCheck.assert(
      FastCheck.asyncProperty(FastCheck.array(entry, { maxLength: 6 }), FastCheck.nat(6), async (list, at) => {
        const texts = list.map(encode)
        texts.splice(at, 0, encode(service("the-good-one")))
        const text = `[${texts.join(",")}]`
        const { snapshots, refused } = await read({ "services.json": text, "clusters.json": text })
        expect(refused).toEqual([])
        const { facts, bad, diagnostics } = snapshots["services.json"]!
        expect(keys(facts)).toContain("service/the-good-one")
        for (const d of [...bad!.flatMap((b) => b.diagnostics), ...diagnostics!]) {
          expect(d.place?.line).toBe(1)
          expect(d.place!.col!).toBeLessThanOrEqual(text.length)
        }
        expect(keys(snapshots["clusters.json"]!.facts)).not.toContain("cluster/the-good-one")
      }),
      { numRuns: 150 }
    )
  })

  it("any text is read or refused with a place", async () => {
    const base = JSON.stringify([service("foo"), service("bar")], null, 1)
    const cuts = FastCheck.tuple(FastCheck.nat(base.length), FastCheck.nat(20), FastCheck.string({ maxLength: 3 })).map(
      ([at, n, more]) => base.slice(0, at) + more + base.slice(at + n)
    )
    await FastCheck.assert(
      FastCheck.asyncProperty(FastCheck.oneof(cuts, FastCheck.string(), FastCheck.json()), async (text) => {
        let valid = true
        try {
          valid = Array.isArray(JSON.parse(text))
        } catch {
          valid = false
        }
        const { refused, snapshots } = await read({ "services.json": text })
        expect(refused).toHaveLength(valid ? 0 : 1)
        expect(snapshots["services.json"] !== undefined).toBe(valid)
        if (!valid) expect(lines(refused)[0]).toMatch(/^CW(002|401) \d+:\d+ /)
      }),
      { numRuns: 200 }
    )
  })
})

it("a fleet of 10 000 services is read whole", async () => {
  using world = Worlds.directory()
  await Fleet.write(world.directory, { services: 10_000, clusters: 50 })
  const { snapshots, found } = await readIn(world.directory, {
    clusters: "clusters.json",
    services: "services.json",
    watch: false
  })
  expect(found).toEqual([])
  expect(snapshots["clusters.json"]!.facts).toHaveLength(50)
  expect(snapshots["services.json"]!.facts).toHaveLength(40_000)
})
