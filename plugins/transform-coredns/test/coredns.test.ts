/**
 * A real CoreDNS with what each platform gets: every kind of question in every form, reloads under load, and what must
 * not leave because CoreDNS would refuse it.
 */
import { type Given, Worlds } from "@coddiwomple/testing"
import { describe, expect, it } from "vitest"
import { type CoreDns, startCoreDns } from "../../../test/parts/CoreDns.ts"
import { freePort } from "../../../test/parts/Ports.ts"
import { lacking } from "../../../test/parts/Parts.ts"
import { merge } from "../src/Merge.ts"
import { render } from "./Rendering.ts"

const services: NonNullable<Given.Terse["services"]> = {
  foo: { prefixes: ["foo", "foo.default"], address: "240.0.0.10" },
  "bar.shop": { prefixes: ["bar.shop", "deep.er.bar.shop"], address: "240.0.0.11" },
  wild: { prefixes: ["*.wild", "own.sub.wild"], address: "240.0.0.12" },
  "own.x": { prefixes: ["mine.wild"], address: "240.0.0.13" },
  wilder: { prefixes: ["*.b.wild"], address: "240.0.0.14" },
  names: { prefixes: ["*.dns"], address: "240.0.0.15" },
  six: { prefixes: ["six"], address: "fd00::10" }
}

type Row = readonly [name: string, type: "A" | "AAAA", rcode: string, ...answers: ReadonlyArray<string>]

const table: ReadonlyArray<Row> = [
  ["foo.global", "A", "NOERROR", "240.0.0.10"],
  ["foo.default.global", "A", "NOERROR", "240.0.0.10"],
  ["bar.shop.global", "A", "NOERROR", "240.0.0.11"],
  ["BaR.sHoP.gLoBaL", "A", "NOERROR", "240.0.0.11"],
  ["foo.global", "AAAA", "NOERROR"],
  ["six.global", "AAAA", "NOERROR", "fd00:0:0:0:0:0:0:10"],
  ["six.global", "A", "NOERROR"],
  ["unknown.global", "A", "NXDOMAIN"],
  ["unknown.global", "AAAA", "NXDOMAIN"],
  ["x.foo.global", "A", "NXDOMAIN"],
  ["foo.unknown.global", "A", "NXDOMAIN"],
  ["foo.globalx", "A", "REFUSED"],
  // Parents of names, and the apex: they are there, without data.
  ["default.global", "A", "NOERROR"],
  ["shop.global", "A", "NOERROR"],
  ["er.bar.shop.global", "A", "NOERROR"],
  ["global", "A", "NOERROR"],
  ["global", "AAAA", "NOERROR"],
  ["wild.global", "A", "NOERROR"],
  ["a.wild.global", "A", "NOERROR", "240.0.0.12"],
  ["a.c.WILD.global", "A", "NOERROR", "240.0.0.12"],
  // The nearer of two wildcards; the name between them is covered by the farther one, as in the mesh.
  ["a.b.WILD.global", "A", "NOERROR", "240.0.0.14"],
  ["b.wild.global", "A", "NOERROR", "240.0.0.12"],
  ["sub.wild.global", "A", "NOERROR", "240.0.0.12"],
  // What a zone must name takes no name.
  ["ns.dns.global", "A", "NOERROR", "240.0.0.15"],
  ["dns.global", "A", "NOERROR"],
  ["a.wild.global", "AAAA", "NOERROR"],
  // Names of their own below the wildcard.
  ["mine.wild.global", "A", "NOERROR", "240.0.0.13"],
  ["mine.wild.global", "AAAA", "NOERROR"],
  ["own.sub.wild.global", "A", "NOERROR", "240.0.0.12"]
]

const ask = async (dns: CoreDns, [name, type, rcode, ...answers]: Row) => {
  const found = await dns.query(name, type)
  expect([name, type, found.rcode, ...found.answers.map((a) => a.data)]).toEqual([name, type, rcode, ...answers])
  for (const a of found.answers) expect(a.ttl).toBeLessThanOrEqual(30)
  // Without a SOA nobody downstream may remember that there is nothing.
  if (rcode === "NXDOMAIN") expect(found.authority.map((a) => a.type)).toEqual(["SOA"])
}

const zonePath = /file \S*\/db\.global/

/** How each platform's output comes to a CoreDNS. */
const platforms: ReadonlyArray<readonly [platform: string, start: () => Promise<CoreDns>]> = [
  [
    "files: zone file",
    async () => {
      const out = (await render({}, { clusters: ["a"], services })).of("a")
      return startCoreDns({
        corefile: "global:53 {\n    file db.global global {\n        reload 1s\n    }\n}\n",
        files: { "db.global": out["dns/db.global"]! }
      })
    }
  ],
  [
    "files: fragment",
    async () =>
      startCoreDns({
        corefile: (await render({}, { clusters: ["a"], services })).of("a")["dns/global.Corefile"]!,
        ports: [53, 5399]
      })
  ],
  [
    "coredns-custom, as AKS imports it",
    async () => {
      const out = (await render({ platform: "coredns-custom" }, { clusters: ["a"], services })).of("a")
      // What is imported is not adapted by the helper: its ports are moved here.
      const [port, negative] = [await freePort(), await freePort()]
      const server = out["cw-global.server"]!.replace("global:53 {", `global:${port} {\n    bind 127.0.0.1`).replaceAll(
        "5399",
        String(negative)
      )
      const dns = await startCoreDns({
        corefile: "example:53 {\n    errors\n    reload\n}\nimport custom/*.server\n",
        files: { "custom/cw-global.server": server }
      })
      return { ...dns, query: (name, type) => dns.query(name, type, port) }
    }
  ],
  [
    "gardener",
    async () =>
      startCoreDns({
        corefile: (await render({ platform: "gardener" }, { clusters: ["a"], services })).of("a")["cw-global.server"]!,
        ports: [8053, 5399]
      })
  ],
  [
    "self-managed, merged",
    async () => {
      using world = Worlds.directory()
      world.write(
        "Corefile",
        ".:53 {\n    errors\n    reload 2s 1s\n    template ANY ANY . {\n        rcode REFUSED\n    }\n}\n"
      )
      const out = (
        await render({ platform: "self-managed", corefile: "Corefile" }, { clusters: ["a"], services }, world.directory)
      ).of("a")
      return startCoreDns({ corefile: out["Corefile"]!, ports: [53, 5399] })
    }
  ],
  [
    "deployment",
    async () => {
      const out = (await render({ platform: "deployment" }, { clusters: ["a"], services })).of("a")
      return startCoreDns({
        corefile: out["Corefile"]!.replace(zonePath, "file db.global")
          .replace(":8080", "127.0.0.1:0")
          .replace(":8181", "127.0.0.1:0"),
        files: { "db.global": out["db.global"]! },
        ports: [1053]
      })
    }
  ]
]

describe.skipIf(lacking("coredns"))("answers", () => {
  for (const [platform, start] of platforms) {
    it(`${platform}: the whole table`, async () => {
      await using dns = await start()
      for (const row of table) await ask(dns, row)
    })
  }

  it("kube-dns: a CoreDNS of our own, and stub domains that point to it", async () => {
    const out = await render({ platform: "kube-dns", clusterIP: "10.96.0.53" }, { clusters: ["a"], services })
    expect(JSON.parse(out.of("a")["stubDomains"]!)).toEqual({ global: ["10.96.0.53"] })
    expect(out.objects("a").map((o) => `${o.kind} ${o.metadata.name}`)).toEqual([
      "ConfigMap cw-dns",
      "Deployment cw-dns",
      "Service cw-dns",
      "ConfigMap kube-dns"
    ])
    expect(out.objects("a")[2]!.spec.clusterIP).toBe("10.96.0.53")
  })
})

describe("an own CoreDNS", () => {
  it("may have the capability that its binary carries, and no more", async () => {
    for (const platform of ["deployment", "kube-dns"]) {
      const out = await render({ platform, clusterIP: "10.96.0.53" }, { clusters: ["a"], services })
      const [container] = out.objects("a")[1]!.spec.template.spec.containers
      // The binary of the image has the file capability cap_net_bind_service=ep: no bounding set without it runs it.
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        runAsNonRoot: true,
        runAsUser: 65532,
        seccompProfile: { type: "RuntimeDefault" },
        capabilities: { drop: ["ALL"], add: ["NET_BIND_SERVICE"] }
      })
    }
  })

  it("has the address of its cluster's service range", async () => {
    const clusters = [
      { name: "a", dns: { clusterIP: "10.0.0.53" } },
      { name: "b", dns: { clusterIP: "fd00::53" } },
      "c",
      { name: "d", dns: { platform: "deployment" } }
    ]
    const out = await render({ platform: "kube-dns", clusterIP: "10.96.0.53" }, { clusters, services })
    const address = (cluster: string) => out.objects(cluster).find((o) => o.kind === "Service")!.spec.clusterIP
    const stub = (cluster: string) => JSON.parse(out.of(cluster)["stubDomains"]!)
    expect(["a", "b", "c", "d"].map(address)).toEqual(["10.0.0.53", "fd00::53", "10.96.0.53", "10.96.0.53"])
    expect(["a", "b", "c"].map(stub)).toEqual([
      { global: ["10.0.0.53"] },
      { global: ["fd00::53"] },
      { global: ["10.96.0.53"] }
    ])
    const none = await render({ platform: "kube-dns" }, { clusters })
    expect(none.findings.map((d) => d.message)).toEqual([
      "kube-dns stub domains need the address of the own CoreDNS in c"
    ])
    const wrong = await render({}, { clusters: [{ name: "a", dns: { platform: "deployment", clusterIP: "None!" } }] })
    expect(wrong.findings.map((d) => [d.code, d.severity])).toEqual([["CW650", "error"]])
  })
})

describe.skipIf(lacking("coredns"))("reloads", () => {
  const names = Array.from({ length: 300 }, (_, i) => `svc-${i}`)
  const fleet = (extra: Record<string, string>) => ({
    clusters: ["a"],
    services: Object.fromEntries([
      ...names.map((n, i) => [n, { address: `240.1.${i >> 8}.${i & 255}` }] as const),
      ...Object.entries(extra).map(([n, address]) => [n, { address }] as const)
    ])
  })

  it("a zone file with a change is live soon, and no answer is wrong in between", async () => {
    const zone = async (extra: Record<string, string>) => (await render({}, fleet(extra))).of("a")["dns/db.global"]!
    await using dns = await startCoreDns({
      corefile: "global:53 {\n    file db.global global {\n        reload 1s\n    }\n}\n",
      files: { "db.global": await zone({}) }
    })
    let asked = 0
    const seen = new Set<string>()
    for (let round = 0; round < 3; round++) {
      dns.write("db.global", await zone({ [`new-${round}`]: "240.9.9.9" }))
      let live = false
      for (const until = Date.now() + 5000; Date.now() < until && !live; ) {
        const answers = await Promise.all(names.slice(0, 40).map((n) => dns.query(`${n}.global`)))
        asked += answers.length
        answers.forEach((a, i) =>
          seen.add(
            a.rcode === "NOERROR" && a.answers[0]?.data === `240.1.0.${i}` ? "right" : `wrong ${names[i]} ${a.rcode}`
          )
        )
        live = (await dns.query(`new-${round}.global`)).rcode === "NOERROR"
      }
      expect(live).toBe(true)
    }
    expect([...seen]).toEqual(["right"])
    expect(asked).toBeGreaterThan(100)
  }, 30_000)

  it("an imported fragment with a change is live soon", async () => {
    const fragment = async (extra: Record<string, string>) => {
      const files = (await render({}, fleet(extra))).of("a")
      return files["dns/global.Corefile"]!.replace("global:53 {", "global:53 {\n    reload 2s 1s")
    }
    await using dns = await startCoreDns({ corefile: await fragment({}), ports: [53, 5399] })
    expect((await dns.query("fresh.global")).rcode).toBe("NXDOMAIN")
    dns.write("Corefile", await fragment({ fresh: "240.9.9.9" }))
    let rcode = ""
    for (const until = Date.now() + 15_000; Date.now() < until && rcode !== "NOERROR"; ) {
      rcode = (await dns.query("fresh.global")).rcode
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    expect(rcode).toBe("NOERROR")
  }, 30_000)
})

describe("serials", () => {
  const serial = async (given: Given.Terse, config: object = {}) =>
    / SOA \S+ \S+ (\d+) /.exec((await render(config, given)).of("a")["dns/db.global"]!)![1]!
  it("change exactly with the content", async () => {
    const base = await serial({ clusters: ["a"], services })
    expect(await serial({ clusters: ["a"], services: Object.fromEntries(Object.entries(services).reverse()) })).toBe(
      base
    )
    // Ports are no business of DNS.
    expect(
      await serial({ clusters: ["a"], services: { ...services, foo: { ...services["foo"]!, ports: { http: 8080 } } } })
    ).toBe(base)
    const others = [
      await serial({ clusters: ["a"], services: { ...services, foo: { ...services["foo"]!, address: "240.0.0.99" } } }),
      await serial({ clusters: ["a"], services: { ...services, more: { address: "240.0.0.98" } } }),
      await serial({ clusters: ["a"], services }, { ttl: 31 })
    ]
    expect(new Set([base, ...others]).size).toBe(4)
    for (const s of [base, ...others]) {
      expect(Number(s)).toBeGreaterThan(0)
      expect(Number(s)).toBeLessThan(2 ** 32)
    }
  })
})

describe("who sees what", () => {
  it("as the ServiceEntries have it: consumers, the clusters that run it, local-only", async () => {
    const out = await render(
      {},
      {
        clusters: ["a", "b", "c"],
        services: {
          all: { in: ["a"] },
          some: { in: ["a"], consumers: ["b"] },
          home: { in: ["c"], traffic: "local-only" }
        }
      }
    )
    const names = (cluster: string) =>
      ["all", "some", "home"].filter((n) => new RegExp(`^${n} IN A`, "m").test(out.of(cluster)["dns/db.global"]!))
    expect([names("a"), names("b"), names("c")]).toEqual([
      ["all", "some"],
      ["all", "some"],
      ["all", "home"]
    ])
  })
})

describe("ambient clusters", () => {
  const clusters: NonNullable<Given.Terse["clusters"]> = [
    "a",
    { name: "b", dataplane: "ambient" },
    { name: "c", dataplane: "ambient", dns: { platform: "coredns-custom" } }
  ]
  it("get no names, since nothing answers at the addresses there", async () => {
    const out = await render({}, { clusters, services })
    expect(["a", "b", "c"].map((c) => Object.keys(out.of(c)).length)).toEqual([2, 0, 0])
    // What is said there without effect is told.
    expect(out.findings.map((d) => [d.code, d.severity, d.message])).toEqual([
      ["CW628", "warning", "cluster c is ambient: no names are made for it"]
    ])
  })
  it("get them where somebody says that something does", async () => {
    const out = await render({ ambient: true }, { clusters, services })
    expect(["a", "b", "c"].map((c) => Object.keys(out.of(c)).length)).toEqual([2, 2, 1])
    expect(out.findings).toEqual([])
  })
})

describe("refusals", () => {
  const codes = async (config: object, given: Given.Terse) =>
    (await render(config, given)).findings.map((d) => [d.code, d.severity])
  const many = (n: number, prefix: string) =>
    Object.fromEntries(Array.from({ length: n }, (_, i) => [`s${i}`, { prefixes: [`${prefix}${i}`] }]))

  it("too many wildcards, an unknown platform, no address for stub domains, no Corefile, more than a ConfigMap holds", async () => {
    const wild = { clusters: ["a"], services: many(201, "*.w") }
    expect(await codes({ platform: "coredns-custom" }, wild)).toEqual([["CW650", "error"]])
    expect(await codes({}, wild)).toEqual([])
    expect(Object.keys((await render({}, wild)).of("a"))).toEqual(["dns/db.global"])
    expect(await codes({}, { clusters: [{ name: "a", dns: { platform: "coredn-custom" } }] })).toEqual([
      ["CW650", "error"]
    ])
    expect(await codes({ platform: "kube-dns" }, { clusters: ["a"] })).toEqual([["CW650", "error"]])
    expect(await codes({}, { clusters: [{ name: "a", dns: { platform: "self-managed" } }] })).toEqual([
      ["CW103", "error"]
    ])
    const large = { clusters: ["a"], services: many(30_000, "a-rather-long-name-of-a-service-") }
    expect(await codes({ platform: "coredns-custom" }, large)).toEqual([["CW650", "error"]])
  })

  it("merging: what is there stays, ours is replaced in place, a zone that is there is refused", () => {
    const there = "# mine\n.:53 {\n    errors # x {\n    forward . 1.1.1.1\n}\n"
    const put = (corefile: string, fragment = "global:53 {\n}\n") =>
      merge(corefile, fragment, "shop", "global", "Corefile")
    const once = put(there) as string
    expect(once.startsWith(there)).toBe(true)
    expect(put(once)).toBe(once)
    expect(put(`${once}tail:53 {\n}\n`, "global:53 {\n    errors\n}\n")).toBe(
      `${once.replace("global:53 {\n}", "global:53 {\n    errors\n}")}tail:53 {\n}\n`
    )
    for (const clash of [
      "global {\n}\n",
      "  global:53 {\n  }\n",
      "a.example, global. {\n}\n",
      "a.example\n{\n}\nGLOBAL:53 {\n}\n",
      "a,\nglobal:53 {\n}\n",
      "dns://global:53 {\n}\n",
      'x {\n    template ANY ANY {\n        answer "{"\n    }\n}\nglobal {\n}\n'
    ])
      expect(put(clash), clash).toMatchObject([{ code: "CW650" }])
    for (const fine of [
      "global.example {\n}\n",
      "global:1053 {\n}\n",
      "(global) {\n}\n",
      "x {\n    global {\n    }\n}\n",
      "# global {\nx {\n}\n",
      'x {\n    log "a\nglobal {\n"\n}\n'
    ])
      expect(typeof put(fine), fine).toBe("string")
    expect(put("# BEGIN cw shop: generated, do not edit\n")).toMatchObject([
      { code: "CW650", help: "restore both, or remove both" }
    ])
  })
})

describe.skipIf(lacking("coredns"))("size", () => {
  it("10 000 names are answered in each form", async () => {
    const given = {
      clusters: ["a"],
      services: Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`svc-${i}.ns`, {}]))
    }
    const out = (await render({}, given)).of("a")
    const starts = [
      () => startCoreDns({ corefile: out["dns/global.Corefile"]!, ports: [53, 5399] }),
      () =>
        startCoreDns({
          corefile: "global:53 {\n    file db.global global\n}\n",
          files: { "db.global": out["dns/db.global"]! }
        })
    ]
    for (const start of starts) {
      await using dns = await start()
      for (const n of [0, 4711, 9999]) expect((await dns.query(`svc-${n}.ns.global`)).answers.length).toBe(1)
      expect((await dns.query("ns.global")).rcode).toBe("NOERROR")
    }
  }, 60_000)
})
