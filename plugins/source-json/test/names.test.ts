/** Names come from outside: what is not fit to be an identity, a host or a path becomes none. */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { BackendFact } from "@coddiwomple/core/Fact"
import { describe, expect, it } from "vitest"
import { keys, lines, read, service } from "./Reading.ts"

const services = (...list: ReadonlyArray<unknown>) => read({ "services.json": JSON.stringify(list, null, 2) })

describe("names", () => {
  it("an entry without a usable name puts the file in doubt", async () => {
    const { snapshots } = await services(
      null,
      5,
      "foo",
      [],
      {},
      service("good"),
      { ...service("x"), name: 7 },
      { ...service("x"), namespace: "No" }
    )
    const { facts, bad } = snapshots["services.json"]!
    expect(keys(facts)).toEqual(["service/good", "backend/good/a"])
    expect(bad!.map((b) => b.service)).toEqual(Array.from({ length: 7 }, () => undefined))
    expect(lines(bad!.flatMap((b) => b.diagnostics.slice(0, 1)))).toEqual([
      "CW401 2:3 entry 1: expected an object, found null",
      "CW401 3:3 entry 2: expected an object, found a number",
      "CW401 4:3 entry 3: expected an object, found a string",
      "CW401 5:3 entry 4: expected an object, found a list",
      'CW401 6:3 entry 5: "name" is missing',
      `CW401 25:13 entry 7: "name" must be a string, not a number`,
      'CW408 57:18 entry 8: namespace "No" is not a DNS label'
    ])
  })

  it.each<[name: string, suggestion: string | undefined]>([
    ["../x", "x"],
    [".git", "git"],
    ["My_Svc", "my-svc"],
    ["a: b", "a-b"],
    ["$(reboot)", "reboot"],
    ["x; rm -rf /", "x-rm-rf"],
    ["a\u0000b\u001b[31m", "a-b-31m"],
    ["e".repeat(300), "e".repeat(63)],
    ["__proto__", "proto"],
    ["häagen", "h-agen"],
    ["ロゴ", undefined],
    ["foo.bar", "foo-bar"]
  ])("the name %j is refused", async (name, suggestion) => {
    const { snapshots } = await services(service("good"), { ...service("x"), name })
    const { facts, bad } = snapshots["services.json"]!
    expect(keys(facts)).toEqual(["service/good", "backend/good/a"])
    const [found] = bad![0]!.diagnostics
    expect([bad![0]!.service, found!.code, found!.help]).toEqual([
      undefined,
      "CW408",
      suggestion === undefined ? undefined : `use "${suggestion}"`
    ])
    expect(found!.message.length).toBeLessThan(450)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(Diagnostic.toText(found!)).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/)
  })

  it("names that JavaScript knows are names like others", async () => {
    const text = `[${JSON.stringify(service("constructor"))}, ${JSON.stringify(service("proto")).replace('"a":', '"__proto__":')}, {"__proto__": {"name": "x"}, ${JSON.stringify(service("y")).slice(1)}]`
    const { snapshots } = await read({ "services.json": text })
    const { facts, bad } = snapshots["services.json"]!
    expect(keys(facts)).toEqual([
      "service/constructor",
      "backend/constructor/a",
      "service/proto",
      "backend/proto/__proto__"
    ])
    expect((facts[3] as BackendFact).cluster).toBe("__proto__")
    expect(bad![0]!.diagnostics[0]).toMatchObject({ code: "CW402", message: 'service y: unknown key "__proto__"' })
    expect(({} as Record<string, unknown>)["name"]).toBeUndefined()
  })
})
