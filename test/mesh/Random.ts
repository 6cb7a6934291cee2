// Random fleets for real meshes: what a profile can carry, in every mixture. A seed gives the same fleet always, and a
// fleet that fails shrinks to a smaller one that fails.
import * as fc from "fast-check"
import { hasIpv6 } from "./Addresses.ts"
import type { Fleet, FleetCluster, FleetService, Protocol } from "./Fleet.ts"
import type { Profile } from "./Profiles.ts"

const protocols = ["HTTP", "HTTP2", "GRPC", "TCP"] as const satisfies ReadonlyArray<Protocol>
const long = "a-name-that-is-as-long-as-people-make-them-when-nobody-looks"

const cluster = (name: string, mayHaveIpv6: boolean): fc.Arbitrary<FleetCluster> =>
  fc.record({
    name: fc.constant(name),
    gateway: fc.constantFrom("istio-system", "istio-gateways", "edge"),
    // IPv6 beside another: where names are among the endpoints, a proxy without IPv6 leaves such an address out.
    reached: fc
      .uniqueArray(fc.constantFrom("ip" as const, "name" as const, "second ip" as const), { minLength: 1 })
      .chain((some) => fc.boolean().map((v6) => (v6 && mayHaveIpv6 ? [...some, "ipv6" as const] : some)))
  })

const service = (n: number, names: ReadonlyArray<string>, { name: profile }: Profile): fc.Arbitrary<FleetService> => {
  const some = fc.subarray([...names], { minLength: 1 })
  const mtls = profile === "mtls"
  // Behind gateways that open each service's own ports, TCP shares its number with nobody.
  const port = (i: number) =>
    fc.tuple(fc.constantFrom(...protocols), fc.constantFrom(80, 9080, 7000)).map(([protocol, shared]) => ({
      name: `p${i}`,
      protocol,
      port: protocol === "TCP" && !mtls ? 7100 + 10 * n + i : shared + i
    }))
  const run = fc.record(
    {
      name: fc.constantFrom(`other-${n}`, `${long.slice(0, 50)}-${n}`),
      namespace: fc.constantFrom("default", "shop"),
      shift: fc.constantFrom(0, 5, 1000),
      ...(mtls ? { weight: fc.constantFrom(0, 1, 3) } : {})
    },
    { requiredKeys: [] }
  )
  const more = fc.record(
    {
      traffic: fc.constantFrom("local-first", "local-only", ...(mtls ? (["spread", "weighted"] as const) : [])),
      consumers: some,
      ...(mtls ? { tiers: fc.tuple(some, some) } : {})
    },
    { requiredKeys: [] }
  )
  return fc
    .record({
      name: fc.constantFrom(`s${n}`, `${long.slice(0, 45)}-${n}`),
      alias: fc.boolean(),
      ports: fc.integer({ min: 1, max: 3 }).chain((k) => fc.tuple(...Array.from({ length: k }, (_, i) => port(i)))),
      where: some,
      runs: fc.tuple(...names.map(() => run)),
      byIp: mtls ? fc.boolean() : fc.constant(false),
      ...(profile === "tls" || profile === "plaintext" ? { meshed: fc.boolean() } : {}),
      more
    })
    .map(({ name, alias, where, runs, ports, more: { tiers, traffic, ...rest }, ...others }) => {
      const all = Object.fromEntries(where.map((cluster, i) => [cluster, runs[i]!]))
      const nobody = Object.values(all).every(({ weight }) => weight === 0)
      const policy = traffic === "weighted" && nobody ? undefined : traffic
      // A tier order is for local-first alone, and no cluster stands in two tiers.
      const ordered = tiers !== undefined && (policy ?? "local-first") === "local-first"
      const [first, second] = tiers ?? [[], []]
      const later = second.filter((each) => !first.includes(each))
      return {
        ...others,
        name,
        hosts: [`${name}.default`, ...(alias ? [`s${n}-alias`] : [])],
        ports,
        runs: all,
        more: {
          ...rest,
          ...(policy === undefined ? {} : { traffic: policy }),
          ...(ordered ? { tiers: later.length === 0 ? [first] : [first, later] } : {})
        }
      }
    })
}

export const fleets = (profile: Profile): fc.Arbitrary<Fleet> =>
  fc.constantFrom(["a", "b"], ["a", "b", "c"]).chain((names) =>
    fc.integer({ min: 1, max: 4 }).chain((n) =>
      fc.record({
        name: fc.constant("random"),
        clusters: fc.tuple(...names.map((name) => cluster(name, hasIpv6 && profile.onePort && name === "b"))),
        services: fc.tuple(...Array.from({ length: n }, (_, i) => service(i, names, profile)))
      })
    )
  )
