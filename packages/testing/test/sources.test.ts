import { afterAll, describe, expect, it } from "vitest"
import { FaultyHttp, judge, type LawName, laws, type SourceSubject } from "../src/index.ts"
import { breaks } from "./breaks.ts"
import halfLists from "./broken/R1-HalfLists.ts"
import neverEnds from "./broken/R1-NeverEnds.ts"
import noPartitions from "./broken/R1-NoPartitions.ts"
import leaks from "./broken/R2-Leaks.ts"
import slowToEnd from "./broken/R2-SlowToEnd.ts"
import emptyWhenLost from "./broken/R3-EmptyWhenLost.ts"
import onlyNews from "./broken/R3-OnlyNews.ts"
import staysStale from "./broken/R3-StaysStale.ts"
import good from "./good/PagesSource.ts"

/** Two services a page. */
let lists: Record<string, ReadonlyArray<string>> = {}
const http = await FaultyHttp.start(({ path }) => {
  const url = new URL(path, "http://x")
  if (url.pathname === "/hang") return new Promise(() => {})
  const all = lists[url.pathname.slice(1)] ?? []
  const page = Number(url.searchParams.get("page"))
  const next = all.length > page * 2 + 2 ? { next: page + 1 } : {}
  return { body: { services: all.slice(page * 2, page * 2 + 2), ...next } }
})
afterAll(http.close)

const set = (next: typeof lists, ...faults: ReadonlyArray<FaultyHttp.HttpFault>) => {
  lists = next
  http.fault(...faults)
}
const full = { east: ["reviews", "ratings", "details"], west: ["reviews"] }
const facts = (cluster: string, ...services: ReadonlyArray<string>) => services.map((s) => `backend/${s}/${cluster}`)
const second = (request: FaultyHttp.Request) => request.path === "/east?page=1"

const subject: SourceSubject = {
  plugin: good,
  config: { url: http.url, partitions: ["east", "west"] },
  handles: http.connections,
  worlds: [
    {
      title: "two lists",
      arrange: () => set(full),
      expect: { east: facts("east", ...full.east), west: facts("west", ...full.west) }
    },
    { title: "nothing anywhere", arrange: () => set({}), expect: { east: [], west: [] } },
    {
      title: "the second page is refused",
      arrange: () => set(full, { when: second, bring: { status: 503, retryAfter: 1 } }),
      expect: "fails"
    },
    {
      title: "the second page is cut",
      arrange: () => set(full, { when: second, bring: { truncate: 10 } }),
      expect: "fails"
    },
    { title: "the connection breaks", arrange: () => set(full, { bring: "reset" }), expect: "fails" },
    { title: "the second page never comes", arrange: () => set(full, { when: second, bring: "hang" }), expect: "hangs" }
  ],
  reconnect: {
    arrange: () => set(full),
    before: { east: facts("east", ...full.east) },
    lose: () => http.fault({ bring: "reset" }),
    change: () => {
      lists = { ...full, east: ["reviews", "details", "shop"] }
    },
    restore: () => http.fault(),
    after: { east: facts("east", "reviews", "details", "shop"), west: facts("west", "reviews") },
    within: 1000
  }
}

describe("a good source", () => {
  for (const law of laws(subject)) it(`${law.name}: ${law.title}`, law.run, law.timeout)
})

describe("broken sources", () => {
  it.each([
    [
      "R1",
      halfLists,
      /the stream ends as if all were well, in the world "the second page is refused"[\s\S]*Snapshot of east: backend\/reviews\/east, backend\/ratings\/east$/m
    ],
    ["R1", noPartitions, /Snapshot of east comes before Partitions/],
    ["R1", neverEnds, /the stream goes on although the host is finite/],
    ["R2", leaks, /things are left open a second after the source was interrupted[\s\S]*1 handles/],
    ["R2", slowToEnd, /the source takes 1\d\d\d ms to end, interrupted at once/],
    [
      "R3",
      emptyWhenLost,
      /facts vanish while contact is lost; say Freshness stale instead[\s\S]*- backend\/reviews\/east in east/
    ],
    ["R3", onlyNews, /facts are missing or left over[\s\S]*\+ backend\/ratings\/east in east/],
    ["R3", staysStale, /a partition stays stale/]
  ] as const)(
    "%s",
    async (law: LawName, plugin, message) => {
      await breaks(judge(law, { ...subject, plugin }), law, message)
    },
    30_000
  )

  it("a law that cannot be judged is not kept", async () => {
    const { reconnect: _reconnect, ...rest } = subject
    await breaks(judge("R3", rest), "R3", /give the subject `reconnect`/)
    expect(http.requests.length).toBeGreaterThan(0)
  })
})
