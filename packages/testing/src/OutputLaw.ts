/** T3: what a transform makes is what it says it is, for whom it says, and nobody else makes it too. */
import { type Artifact, type KubernetesObject, objectId } from "@coddiwomple/core/Artifact"
import { Claims } from "@coddiwomple/core/Claims"
import * as ClusterSet from "@coddiwomple/core/ClusterSet"
import type { Model } from "@coddiwomple/core/Model"
import type { Claim, TransformImpl } from "@coddiwomple/core/Transform"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import { parseAllDocuments } from "yaml"
import { broken, must, unjudged } from "./Judge.ts"
import { clip, firstDifference, type LawBroken } from "./Law.ts"
import type { TransformSubject } from "./Subject.ts"
import { begin, inputs, render, servicesOf } from "./Transforms.ts"

export const T3 = (subject: TransformSubject): Effect.Effect<void, LawBroken> =>
  Effect.scoped(
    Effect.gen(function* () {
      const impl = yield* begin("T3", subject)
      const forms = subject.plugin.produces ?? ["object"]
      let count = 0
      for (const input of yield* inputs("T3", subject)) {
        const pieces = yield* must("T3", "the transform", render(impl, input))
        const held = losers(impl, input.model)
        const owners = new Map<string, string>()
        for (const { of, artifacts } of pieces) {
          if (held.has(of)) continue
          for (const artifact of artifacts) {
            count++
            if (!forms.includes(artifact.form)) {
              const said = [`produces: ${JSON.stringify(forms)}`, "sinks are wired by that"]
              return yield* broken(
                "T3",
                `${artifact.id} of ${of} is of a form that the plugin does not name: ${artifact.form}`,
                said
              )
            }
            const wrong = problem(artifact, input.model)
            if (wrong !== undefined) return yield* broken("T3", `${artifact.id} of ${of} ${wrong[0]}`, wrong[1])
            for (const index of ClusterSet.indices(artifact.targets)) {
              const key = `${index} ${artifact.id}`
              const first = owners.get(key)
              const cluster = input.model.fleet.clusters[index]!.name
              if (first !== undefined)
                return yield* broken("T3", `${artifact.id} is made twice for cluster ${cluster}`, [
                  `by ${first}`,
                  `by ${of}`
                ])
              owners.set(key, of)
            }
          }
        }
      }
      if (count === 0) return yield* unjudged("T3", "the transform made nothing of these models")
    })
  )

/** Services that lose a claim: the engine holds them, and their output is never used. */
const losers = (impl: TransformImpl, model: Model): ReadonlySet<string> => {
  if (impl.shape !== "service" || impl.claims === undefined) return new Set()
  const claims = new Claims<Claim>()
  const services = servicesOf(model)
  for (const s of services) claims.set(s.identity, impl.claims(s, model.fleet))
  return new Set(services.filter((s) => claims.lost(s.identity).length > 0).map((s) => `service ${s.identity}`))
}

type Problem = readonly [what: string, evidence: ReadonlyArray<string>]

const problem = (artifact: Artifact, model: Model): Problem | undefined => {
  const size = model.fleet.clusters.length
  if (
    artifact.targets.length !== model.fleet.none.length ||
    [...ClusterSet.indices(artifact.targets)].some((i) => i >= size)
  ) {
    return ["names clusters that are not in the fleet", []]
  }
  if (ClusterSet.isEmpty(artifact.targets)) return ["is for no cluster at all", []]
  if (artifact.service !== undefined && !HashMap.has(model.services, artifact.service))
    return [`belongs to an unknown service ${artifact.service}`, []]
  return artifact.form === "file" ? fileProblem(artifact) : objectProblem(artifact)
}

const fileProblem = ({ id }: Artifact): Problem | undefined => {
  if (!id.startsWith("file:")) return ["is a file, but its id does not begin with `file:`", []]
  const path = id.slice("file:".length)
  const bad = path
    .split("/")
    .find((segment) => segment === "" || segment === "." || segment === ".." || /[\\\0]/.test(segment))
  return bad === undefined
    ? undefined
    : ["has an unsafe path: it must be relative, with `/`, without empty, `.` and `..` segments", [path]]
}

const objectProblem = ({ id, text: body }: Artifact): Problem | undefined => {
  if (!body.endsWith("\n")) return ["does not end with a newline", []]
  // Kubernetes reads YAML 1.1, most tools 1.2: what they read differently is wrong for one of them.
  const [old, now] = (["1.1", "1.2"] as const).map((version) =>
    parseAllDocuments(body, { version, merge: false, logLevel: "silent" })
  )
  const documents = [old, now].map((all) => (Array.isArray(all) ? all : []))
  for (const all of documents) {
    if (all.length !== 1) return [`holds ${all.length} YAML documents instead of one`, [clip(body)]]
    if (all[0]!.errors.length > 0) return ["is not valid YAML", all[0]!.errors[0]!.message.split("\n")]
  }
  if (/^---|\n---/.test(body)) return ["holds a document marker", []]
  const [one, two] = documents.map((all) => all[0]!.toJS() as KubernetesObject)
  const [x, y] = [JSON.stringify(one, null, 1), JSON.stringify(two, null, 1)]
  if (x !== y) return ["means something else in YAML 1.1, which Kubernetes reads: quote it", firstDifference(y, x)]
  const wrong = shapeProblem(two)
  if (wrong !== undefined) return [`is not a Kubernetes object: ${wrong}`, [clip(body)]]
  const found = objectId(two!)
  return found === id ? undefined : ["has another id than its text says", [`id:   ${id}`, `text: ${found}`]]
}

const shapeProblem = (o: unknown): string | undefined => {
  if (typeof o !== "object" || o === null || Array.isArray(o)) return "it is not a mapping"
  const { apiVersion, kind, metadata } = o as Partial<KubernetesObject>
  if (typeof apiVersion !== "string" || apiVersion === "") return "apiVersion is missing"
  if (typeof kind !== "string" || kind === "") return "kind is missing"
  if (typeof metadata !== "object" || metadata === null) return "metadata is missing"
  if (typeof metadata.name !== "string" || metadata.name === "" || metadata.name.includes("/"))
    return "metadata.name is missing or has a slash"
  if (metadata.namespace !== undefined && typeof metadata.namespace !== "string")
    return "metadata.namespace is not a text"
  for (const field of ["labels", "annotations"] as const) {
    const bad = Object.entries(metadata[field] ?? {}).find(([, value]) => typeof value !== "string")
    if (bad !== undefined) return `metadata.${field}.${bad[0]} is not a text`
  }
  return undefined
}
