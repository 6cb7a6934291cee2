/** What `cw doctor` asks of the clusters whose connection is known: they answer, and we may write. */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { Connection } from "@coddiwomple/core/Fact"
import { ApiError } from "@coddiwomple/kubernetes/ApiError"
import { diagnose, userOf } from "@coddiwomple/kubernetes/Problem"
import * as Reach from "@coddiwomple/kubernetes/Reach"
import { missing, type Right, rightsText } from "@coddiwomple/kubernetes/Rights"
import * as Effect from "effect/Effect"
import { identity, sameCluster, type Target, type Targets } from "./Targets.ts"

export interface Examined {
  readonly name: string
  readonly connection?: Connection
  /** Namespaces that objects for this cluster go to, as far as that is known. */
  readonly places: ReadonlyArray<string>
}

const kinds = [
  ["ServiceEntry", "serviceentries"],
  ["Gateway", "gateways"],
  ["DestinationRule", "destinationrules"],
  ["VirtualService", "virtualservices"]
] as const
const istio = "networking.istio.io"

const verbs = ["list", "patch", "create", "delete"]

const records = (inventory: string): ReadonlyArray<Right> =>
  ["list", "create", "update", "delete"].map((verb) => ({
    verb,
    group: "",
    resource: "configmaps",
    namespace: inventory
  }))

const objects = (namespace?: string): ReadonlyArray<Right> =>
  kinds.flatMap(([, resource]) =>
    verbs.map((verb) => ({ verb, group: istio, resource, ...(namespace === undefined ? {} : { namespace }) }))
  )

/** Rights everywhere, or in the namespaces that the objects of a cluster go to. */
const lacking = ({ client }: Target, inventory: string, places: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const kept = yield* missing(client, records(inventory))
    const everywhere = yield* missing(client, objects())
    if (everywhere.length === 0) return kept
    const within = yield* missing(
      client,
      places.flatMap((place) => objects(place))
    )
    // Where nothing is allowed in single namespaces either, the short form says it all.
    return [...kept, ...(within.length >= places.length * everywhere.length ? everywhere : within)]
  })

const look = (target: Target, inventory: string, places: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const { cluster, client, mapper } = target
    // What a source has just found out need not be waited for again.
    const known = Reach.outage(client.context)
    if (known !== undefined) return yield* known
    const findings: Array<Diagnostic.Diagnostic> = []
    // Before anything that is tried again for long: what cannot be reached is said as the source says it.
    yield* client.request({ method: "GET", path: "/version", budget: 3000 })
    const unknown: Array<string> = []
    for (const [kind] of kinds) if ((yield* mapper.find(istio, kind)) === undefined) unknown.push(kind)
    if (unknown.length > 0) {
      findings.push(
        Diagnostic.error("CW708", `cluster ${cluster}: it does not know ${unknown.join(", ")} of ${istio}`, {
          help: "install Istio, or at least its CustomResourceDefinitions"
        })
      )
    }
    const namespace = yield* Effect.result(
      client.request({ method: "GET", path: `/api/v1/namespaces/${inventory}`, budget: 3000 })
    )
    if (namespace._tag === "Failure" && namespace.failure.reason === "NotFound") {
      findings.push(Diagnostic.error("CW707", `cluster ${cluster}: namespace ${inventory} of the inventory is missing`))
    }
    const rights = yield* lacking(target, inventory, places)
    if (rights.length > 0) {
      findings.push(
        Diagnostic.error(
          "CW428",
          `cluster ${cluster}: ${userOf(client.context)} lacks the right to ${rightsText(rights)}`
        )
      )
    }
    return { uid: yield* Effect.orElseSucceed(identity(target), () => undefined), findings }
  }).pipe(
    Effect.timeoutOrElse({
      duration: `${limit} seconds`,
      orElse: () => Effect.fail(new ApiError({ reason: "Lost", message: `no answer within ${limit} s` }))
    }),
    Effect.catchTag("ApiError", (error) =>
      Effect.succeed({ uid: undefined, findings: [diagnose(target.cluster, target.client.context, error)] })
    )
  )

/** Seconds for one cluster: it has said what is wrong with it before `cw doctor` gives the whole sink up. */
const limit = 15

export const examine = (
  targets: Targets,
  clusters: ReadonlyArray<Examined>,
  inventory: string
): Effect.Effect<ReadonlyArray<Diagnostic.Diagnostic>> =>
  Effect.gen(function* () {
    const places = new Map(clusters.map((c) => [c.name, c.places]))
    const found = yield* targets.of(clusters)
    const looked = yield* Effect.forEach(
      found,
      ([name, target]) =>
        "client" in target
          ? Effect.map(look(target, inventory, places.get(name) ?? []), (one) => ({ name, ...one }))
          : Effect.succeed({ name, uid: undefined, findings: [target] }),
      { concurrency: 16 }
    )
    const twins = sameCluster(looked.map(({ name, uid }) => [name, uid] as const))
    return looked.flatMap(({ findings, name }) => [...findings, ...(twins.has(name) ? [twins.get(name)!] : [])])
  })
