/** What `cw doctor` asks of a live cluster: does it answer, may we list and watch, is the gateway as it should be. */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import * as Client from "@coddiwomple/kubernetes/Client"
import { list } from "@coddiwomple/kubernetes/List"
import { diagnose, named, userOf } from "@coddiwomple/kubernetes/Problem"
import { missing, rightsText } from "@coddiwomple/kubernetes/Rights"
import * as Effect from "effect/Effect"
import { asksForAddress, gatewayPlace, type Spec, Tuning } from "./Cluster.ts"
import { defaultPort, gatewayFindings, gatewayService } from "./Gateway.ts"

/** Milliseconds: every cluster has said what is wrong with it before `cw doctor` gives the whole source up. */
const limits = { connectTimeout: 5000, requestTimeout: 8000, budget: 3000, execLimit: 10_000 }

export const examine = (spec: Spec): Effect.Effect<ReadonlyArray<Diagnostic.Diagnostic>> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { connection, gateway, name } = spec.fact
      const connected = yield* Effect.result(Client.connect(name, connection ?? {}, { ...limits, ...(yield* Tuning) }))
      if (connected._tag === "Failure") return named(name, connected.failure.diagnostics ?? [])
      const client = connected.success
      const place = gatewayPlace(spec)
      const only = spec.select.namespaces?.length === 1 ? { namespace: spec.select.namespaces[0]! } : {}
      const rights = ["list", "watch"].flatMap((verb) => [
        { verb, group: "", resource: "services", ...only },
        ...(asksForAddress(spec) ? [{ verb, group: "", resource: "services", namespace: place.namespace }] : [])
      ])
      const answers = Effect.gen(function* () {
        const denied = yield* missing(client, rights)
        const findings =
          denied.length === 0
            ? []
            : [
                Diagnostic.error(
                  "CW428",
                  `cluster ${name}: ${userOf(client.context)} lacks the right to ${rightsText(denied)}`
                )
              ]
        if (denied.some((r) => r.verb === "list")) return findings
        const path = `/api/v1/namespaces/${encodeURIComponent(place.namespace)}/services`
        // Without the right to look there the gateway is not judged, unless its address is needed.
        const found = yield* Effect.result(
          list(client, { path, query: { labelSelector: place.labelSelector } }, gatewayService)
        )
        if (found._tag === "Failure") return findings
        const where = `with ${place.labelSelector} in namespace ${place.namespace}`
        return [
          ...findings,
          ...gatewayFindings(name, where, found.success.items, gateway?.port ?? defaultPort, asksForAddress(spec))
        ]
      })
      return yield* Effect.catchTag(answers, "ApiError", (error) =>
        Effect.succeed([diagnose(name, client.context, error)])
      )
    })
  )
