// Random fleets as facts: clusters that differ in what they say of themselves, services of every policy.
import { type Fact, trafficPolicies } from "@coddiwomple/core/Fact"
import * as fc from "fast-check"

const maybe = <A>(arbitrary: fc.Arbitrary<A>) => fc.option(arbitrary, { nil: undefined })
const origin = { label: "random" }
const bare = <A extends object>(map: A): A => JSON.parse(JSON.stringify(map))

const names = ["a", "b", "c", "d", "e"]

const cluster = (name: string, order: number) => {
  const ip = [`192.0.2.${order + 1}`, `198.51.100.${order + 1}`, `2001:db8::${order + 1}`]
  const dns = [`gw-${name}.example.net`, `gw2-${name}.example.net`]
  return fc
    .record({
      addresses: fc.oneof(
        { weight: 6, arbitrary: fc.subarray([...ip, ...dns], { minLength: 1, maxLength: 3 }) },
        { weight: 3, arbitrary: fc.subarray(ip, { minLength: 1 }) },
        { weight: 1, arbitrary: fc.constant([]) }
      ),
      istioVersion: maybe(fc.constantFrom("1.28.3", "1.30.0", "v1.31.2")),
      region: maybe(fc.constantFrom("eu", "us")),
      gateway: maybe(
        fc.constantFrom(
          { namespace: "edge" },
          { port: 443 },
          { namespace: "edge", selector: { app: "gw", istio: "edge" }, port: 15444 }
        )
      ),
      configNamespace: maybe(fc.constantFrom("names", "mesh-config")),
      domain: fc.constantFrom(undefined, "cluster.local", "k8s.internal"),
      dataplane: fc.constantFrom(undefined, undefined, "sidecar" as const, "ambient" as const)
    })
    .map((rest) => ({ kind: "cluster" as const, name, order, ...rest }))
}

const service = (
  i: number,
  known: ReadonlyArray<{ readonly name: string; readonly domain?: string | undefined }>,
  apart: boolean
) => {
  const name = `s${i}`
  const some = fc.subarray(
    known.map((c) => c.name),
    { minLength: 1 }
  )
  const port = (k: number) =>
    fc.record({
      name: fc.constant(`p${k}`),
      protocol: fc.constantFrom("HTTP" as const, "GRPC" as const, "TCP" as const, "TLS" as const, "MYSQL" as const),
      port: apart ? fc.constant(1000 * (i + 1) + k) : fc.constantFrom(80 + k, 5432 + k),
      backendPort: fc.integer({ min: 1, max: 65535 })
    })
  return fc
    .record({
      prefixes: fc.constantFrom([name], [name, `${name}.alias`], [`${name}.a.b.c`]),
      ports: fc.integer({ min: 1, max: 3 }).chain((n) => fc.tuple(...Array.from({ length: n }, (_, k) => port(k)))),
      traffic: maybe(fc.constantFrom(...trafficPolicies)),
      tiers: maybe(fc.tuple(some, some)),
      consumers: maybe(some),
      exportTo: maybe(fc.constantFrom(["team"], ["team", "other"], ["*"])),
      where: some,
      outside: fc.boolean(),
      weight: maybe(fc.integer({ min: 1, max: 100 })),
      own: fc.boolean()
    })
    .map(({ where, outside, weight, own, ...rest }) => [
      { kind: "service" as const, name, ...rest },
      ...where.map((at) => ({
        kind: "backend" as const,
        service: name,
        cluster: at,
        host: outside
          ? "10.1.2.3"
          : `${name}.default.svc.${known.find((c) => c.name === at)?.domain ?? "cluster.local"}`,
        weight,
        ports: own ? { p0: 1234 } : undefined
      }))
    ])
}

/** 1 to 5 clusters and up to `most` services; `apart`: no two of them share a port. */
export const facts = ({ most = 4, apart = false } = {}): fc.Arbitrary<ReadonlyArray<Fact>> =>
  fc
    .integer({ min: 1, max: 5 })
    .chain((n) => fc.tuple(...names.slice(0, n).map(cluster)))
    .chain((fleet) =>
      fc
        .integer({ min: 1, max: most })
        .chain((n) => fc.tuple(...Array.from({ length: n }, (_, i) => service(i, fleet, apart))))
        .map((services) => [...fleet, ...services.flat()].map((f) => ({ ...bare(f), origin }) as unknown as Fact))
    )

const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
/** A DNS label of exactly so many characters. */
const label = (length: number) =>
  fc
    .array(fc.constantFrom(...letters), { minLength: length, maxLength: length })
    .map((all) => `a${all.join("").slice(1)}`)
const anyLabel = fc.constantFrom(1, 2, 8, 62, 63).chain(label)

/** What the limits allow: names of 63 characters and hosts of 253, 128 ports and more, IPv6 alone, thousands of clusters. */
export const limits = (): fc.Arbitrary<ReadonlyArray<Fact>> =>
  fc
    .record({
      count: fc.constantFrom(1, 2, 60, 2000),
      tail: anyLabel,
      v6: fc.boolean(),
      version: fc.constantFrom(undefined, "1.28.0")
    })
    .chain(({ count, tail, v6, version }) => {
      const known = Array.from({ length: count }, (_, i) => `${tail.slice(0, 50)}-${i}`)
      const fleet = known.map((name, order) => ({
        kind: "cluster" as const,
        name,
        order,
        addresses: v6 ? [`2001:db8::${(order + 1).toString(16)}`] : [`gw.${tail}.c${order}.example.net`],
        istioVersion: version
      }))
      const port = (k: number, n: number) =>
        fc
          .constantFrom("HTTP" as const, "GRPC" as const, "TCP" as const, "TLS" as const, "HTTPS" as const)
          .map((protocol) => ({
            name: `p${"x".repeat(k % 40)}${k}`,
            protocol,
            port: 1 + n * 300 + k,
            backendPort: 65535 - k
          }))
      const one = (n: number) =>
        fc
          .record({
            name: anyLabel,
            namespace: maybe(anyLabel),
            prefix: fc.array(anyLabel, { minLength: 1, maxLength: 4 }).map((all) => all.join(".").slice(0, 240)),
            ports: fc
              .constantFrom(1, 2, 127, 128, 256)
              .chain((m) => fc.tuple(...Array.from({ length: m }, (_, k) => port(k, n)))),
            where: fc.uniqueArray(fc.constantFrom(...known), { minLength: 1, maxLength: 12 }),
            domain: fc.constantFrom("default.svc.cluster.local", "x.y.svc.k8s.internal")
          })
          .map(({ name, namespace, prefix, ports, where, domain }) => {
            const id = `${n}${name}`.slice(0, 63)
            const prefixes = [prefix.replace(/[.-]+$/, ""), `s${n}`]
            return [
              { kind: "service" as const, name: id, namespace, prefixes, ports },
              ...where.map((cluster) => ({
                kind: "backend" as const,
                service: namespace === undefined ? id : `${id}.${namespace}`,
                cluster,
                host: `${id}.${domain}`
              }))
            ]
          })
      return fc
        .integer({ min: 1, max: 3 })
        .chain((n) => fc.tuple(...Array.from({ length: n }, (_, i) => one(i))))
        .map((services) => [...fleet, ...services.flat()].map((f) => ({ ...bare(f), origin }) as unknown as Fact))
    })
