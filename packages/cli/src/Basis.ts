/**
 * What a plan of one sink rests on beside its items, as digests: where it would write, and what it was given. So a saved
 * plan is refused though its items are the same, and covers a sink that cannot compare. Secrets have no part in it.
 */
import { readFileSync } from "node:fs"
import { isAbsolute, relative } from "node:path"
import { withoutSecrets } from "@coddiwomple/config/Secret"
import { shapeOf } from "@coddiwomple/config/Shape"
import * as ClusterSet from "@coddiwomple/core/ClusterSet"
import type { Desired } from "@coddiwomple/core/Desired"
import { canonical, digest } from "@coddiwomple/core/Digest"
import type { Connection } from "@coddiwomple/core/Fact"
import type { Cluster } from "@coddiwomple/core/Model"
import type { Plan } from "@coddiwomple/core/Plan"
import * as Effect from "effect/Effect"
import type { Opened } from "./Opened.ts"

export interface Basis {
  /** Of the sink as it is configured, its code, and the clusters it is told about. */
  readonly where: string
  /** Of the artifacts it was given; where it cannot compare, of the whole model. */
  readonly what: string
}

export const of = (pipeline: Opened, sink: string, plan: Plan, desired: Desired): Effect.Effect<Basis> =>
  Effect.gen(function* () {
    const clusters = yield* Effect.forEach(desired.model.fleet.clusters, (cluster) =>
      place(cluster, pipeline.directory)
    )
    return {
      where: digest(canonical({ clusters, sink: configuration(pipeline, sink) })),
      what: digest(canonical([...artifacts(desired), ...(plan.opaque === true ? model(desired) : [])]))
    }
  })

const configuration = (pipeline: Opened, sink: string): unknown => {
  const node = pipeline.checked.nodes.find(({ id, kind }) => kind === "sink" && id === sink)
  const from = pipeline.nodes.find(({ id }) => id === sink)?.plugin?.from
  return {
    uses: node?.uses,
    policy: node?.options.policy,
    with: withoutSecrets(node?.config, node?.plugin === undefined ? undefined : shapeOf(node.plugin.config.ast)),
    code: from === undefined || !isAbsolute(from) ? undefined : textOf(from)
  }
}

const textOf = (file: string): string | undefined => {
  try {
    return digest(readFileSync(file, "utf8"))
  } catch {
    return undefined
  }
}

/** Which API server a cluster is: the same kubeconfig may name another one tomorrow. */
const place = ({ connection, name }: Cluster, directory: string): Effect.Effect<unknown> =>
  connection === undefined
    ? Effect.succeed({ name })
    : Effect.promise(() => import("@coddiwomple/kubernetes/Kubeconfig")).pipe(
        Effect.flatMap(({ read }) => read(connection)),
        Effect.map(({ server }) => ({ name, server: withoutSecrets(server, undefined) })),
        Effect.orElseSucceed(() => ({ name, ...unread(connection, directory) }))
      )

const unread = ({ context, kubeconfigPath }: Connection, directory: string) => ({
  context,
  kubeconfig: kubeconfigPath === undefined ? undefined : relative(directory, kubeconfigPath)
})

function* artifacts(desired: Desired): Generator<unknown> {
  const names = desired.model.fleet.clusters.map((cluster) => cluster.name)
  for (const { id, ownership, service, targets, text } of desired.artifacts())
    yield { id, ownership, service, text: digest(text), targets: [...ClusterSet.indices(targets)].map((i) => names[i]) }
}

function* model({ model: { fleet }, services }: Desired): Generator<unknown> {
  for (const one of [...fleet.clusters, ...services]) yield JSON.parse(JSON.stringify(one, plain)) as unknown
}

/** Where something was read is no part of what it says. */
const plain = (key: string, value: unknown): unknown =>
  key === "origin" || key === "source" || key === "connection" ? undefined : value
