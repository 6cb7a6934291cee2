/** What `cw doctor` asks of the clusters whose connection is known without a source: they answer, and we may write. */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { Connection } from "@coddiwomple/core/Fact"
import { diagnose } from "@coddiwomple/kubernetes/Problem"
import { missing, type Right, rightText } from "@coddiwomple/kubernetes/Rights"
import * as Effect from "effect/Effect"
import type { Target, Targets } from "./Targets.ts"

const kinds = [
  ["ServiceEntry", "serviceentries"],
  ["Gateway", "gateways"],
  ["DestinationRule", "destinationrules"],
  ["VirtualService", "virtualservices"]
] as const
const istio = "networking.istio.io"

const needed = (inventory: string): ReadonlyArray<Right> => [
  ...["list", "create", "update", "delete"].map((verb) => ({
    verb,
    group: "",
    resource: "configmaps",
    namespace: inventory
  })),
  ...kinds.flatMap(([, resource]) =>
    ["list", "patch", "create", "delete"].map((verb) => ({ verb, group: istio, resource }))
  ),
  { verb: "list", group: "", resource: "namespaces" }
]

const look = (target: Target, inventory: string) =>
  Effect.gen(function* () {
    const { cluster, client, mapper } = target
    const findings: Array<Diagnostic.Diagnostic> = []
    for (const [kind] of kinds) {
      if ((yield* mapper.find(istio, kind)) === undefined) {
        findings.push(
          Diagnostic.error("CW708", `cluster ${cluster}: it does not know ${kind} of ${istio}`, {
            help: "install Istio, or at least its CustomResourceDefinitions"
          })
        )
      }
    }
    const namespace = yield* Effect.result(
      client.request({ method: "GET", path: `/api/v1/namespaces/${inventory}`, budget: 3000 })
    )
    if (namespace._tag === "Failure" && namespace.failure.reason === "NotFound") {
      findings.push(Diagnostic.error("CW707", `cluster ${cluster}: namespace ${inventory} of the inventory is missing`))
    }
    for (const right of yield* missing(client, needed(inventory))) {
      findings.push(Diagnostic.error("CW428", `cluster ${cluster}: the right to ${rightText(right)} is missing`))
    }
    return findings
  }).pipe(
    Effect.catchTag("ApiError", (error) => Effect.succeed([diagnose(target.cluster, target.client.context, error)]))
  )

export const examine = (
  targets: Targets,
  connections: ReadonlyMap<string, Connection>,
  inventory: string
): Effect.Effect<ReadonlyArray<Diagnostic.Diagnostic>> =>
  Effect.gen(function* () {
    const found = yield* targets.of([...connections].map(([name, connection]) => ({ name, connection })))
    const findings = yield* Effect.forEach(
      found.values(),
      (target) => ("client" in target ? look(target, inventory) : Effect.succeed([target])),
      { concurrency: 16 }
    )
    return findings.flat()
  })
