/**
 * One live cluster as a stream: its client, its Services, and its gateway where the address is asked for. It never fails
 * and disturbs no other: a cluster that cannot be reached says so and is tried again.
 */
import type { ClusterFact, SourceEvent } from "@coddiwomple/core/Fact"
import * as Client from "@coddiwomple/kubernetes/Client"
import { named } from "@coddiwomple/kubernetes/Problem"
import { reflect, type Reflection, type Settings } from "@coddiwomple/kubernetes/Reflector"
import { idOf, type ServiceObject } from "@coddiwomple/kubernetes/ServiceFacts"
import { type Selection, selector, systemNamespaces } from "@coddiwomple/kubernetes/Selection"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { PluginError } from "@coddiwomple/core/PluginError"
import type { Cache } from "./Cache.ts"
import { gatewayService, GatewayPartition } from "./Gateway.ts"
import { Keeper } from "./Keeper.ts"
import { Partition } from "./Partition.ts"
import { reader, type Word } from "./Words.ts"

/** Times of clients and reflectors; the defaults are right outside of tests. */
export const Tuning = Context.Reference<Partial<Settings> & Client.Options>("cw/source-kubernetes/Tuning", {
  defaultValue: () => ({})
})

export interface Spec {
  readonly fact: ClusterFact
  readonly select: Selection
  readonly bareNames: ReadonlySet<string>
  readonly gateway: { readonly namespace: string; readonly selector: string }
  readonly finite: boolean
  readonly cache: Cache
}

export const asksForAddress = (spec: Spec): boolean => spec.fact.addresses.length === 0
export const gatewayName = (spec: Spec): string => `${spec.fact.name}/gateway`

/** Partitions the cluster speaks of. */
export const partitions = (spec: Spec): ReadonlyArray<string> => [
  spec.fact.name,
  ...(asksForAddress(spec) ? [gatewayName(spec)] : [])
]

export const gatewayPlace = (spec: Spec): { readonly namespace: string; readonly labelSelector: string } => {
  const { gateway } = spec.fact
  const labels =
    gateway?.selector === undefined
      ? spec.gateway.selector
      : Object.entries(gateway.selector)
          .map(([k, v]) => `${k}=${v}`)
          .join(",")
  return { namespace: gateway?.namespace ?? spec.gateway.namespace, labelSelector: labels }
}

/** Where Services are listed: in one namespace where that is enough, else everywhere. */
export const servicesPath = ({ namespaces }: Selection): string =>
  namespaces?.length === 1 ? `/api/v1/namespaces/${encodeURIComponent(namespaces[0]!)}/services` : "/api/v1/services"

const reflection = (spec: Spec): Reflection<Word> => {
  const read = reader({
    cluster: spec.fact.name,
    domain: spec.fact.domain ?? "cluster.local",
    bareNames: spec.bareNames
  })
  const selected = selector(spec.select)
  // Checked when the configuration was read.
  const counts = "problem" in selected ? () => false : selected
  return {
    path: servicesPath(spec.select),
    ...(spec.select.labels === undefined ? {} : { labelSelector: spec.select.labels }),
    ...(spec.select.namespaces === undefined
      ? { fieldSelector: [...systemNamespaces].map((n) => `metadata.namespace!=${n}`).join(",") }
      : {}),
    key: (object) => idOf(object as ServiceObject),
    project: (object, id) => (counts(object) ? read(object, id) : undefined)
  }
}

/** What an event says, where it is news. */
const heard = <A>(events: Stream.Stream<A>, take: (event: A) => SourceEvent | undefined): Stream.Stream<SourceEvent> =>
  Stream.flattenIterable(
    Stream.map(events, (event) => {
      const said = take(event)
      return said === undefined ? [] : [said]
    })
  )

/** Pause before a kubeconfig that cannot be used is looked at again. */
const again = "30 seconds"

const live = (
  spec: Spec,
  client: Client.Client,
  settings: Partial<Settings>,
  keeper: Keeper
): Stream.Stream<SourceEvent> => {
  const services = new Partition(spec.fact.name, client)
  const words = reflect(client, { ...reflection(spec), view: keeper.view }, settings)
  const events = keeper.behind(heard(words, (event) => services.take(event)))
  if (!asksForAddress(spec)) return events
  const { namespace, labelSelector } = gatewayPlace(spec)
  const gateway = new GatewayPartition(
    gatewayName(spec),
    client,
    spec.fact,
    `with ${labelSelector} in namespace ${namespace}`
  )
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/services`
  const addresses = heard(reflect(client, { path, labelSelector, project: gatewayService }, settings), (event) =>
    gateway.take(event)
  )
  return Stream.merge(addresses, events)
}

/** What is said of a cluster whose kubeconfig is no use. */
const unusable = (spec: Spec, error: PluginError, now: number): ReadonlyArray<SourceEvent> =>
  partitions(spec).map((partition) => ({
    _tag: "Freshness",
    partition,
    state: "never-synced",
    since: now,
    reason: `cluster ${spec.fact.name}: ${error.message}`,
    diagnostics: named(spec.fact.name, error.diagnostics ?? []).map((d) => ({ ...d, severity: "warning" as const }))
  }))

export const stream = (spec: Spec): Stream.Stream<SourceEvent> => {
  const attempt: Stream.Stream<SourceEvent> = Stream.unwrap(
    Effect.gen(function* () {
      const { name, connection } = spec.fact
      const tuning = yield* Tuning
      const keeper = yield* Keeper.make(spec.fact.name, spec.cache)
      const connected = yield* Effect.result(
        Client.connect(name, connection ?? {}, {
          connectTimeout: spec.finite ? 3000 : 5000,
          execLimit: 20_000,
          ...tuning
        })
      )
      if (connected._tag === "Success") {
        keeper.server = connected.success.context.server
        return live(
          spec,
          connected.success,
          { ...tuning, ...(spec.finite ? { once: 1, listBudget: 3000 } : {}) },
          keeper
        )
      }
      const words = keeper.behind(
        Stream.fromIterable(unusable(spec, connected.failure, yield* Clock.currentTimeMillis))
      )
      return spec.finite ? words : Stream.concat(words, Stream.drain(Stream.fromEffect(Effect.sleep(again))))
    })
  )
  return spec.finite
    ? attempt
    : Stream.concat(
        attempt,
        Stream.suspend(() => stream(spec))
      )
}
