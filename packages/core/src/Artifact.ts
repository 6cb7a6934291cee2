/**
 * One output body with the set of clusters it is for. The text is stored once, whatever the number of clusters.
 * An artifact belongs to one service or to the fleet, and names the node that made it.
 */
import type { ClusterSet } from "./ClusterSet.ts"
import { emit } from "./Emit.ts"
import { read } from "./Read.ts"

/** `object`: the whole object is ours. `fields`: we own our keys of a shared object; released on prune, never deleted. */
export type Ownership = "object" | "fields"

/** What a body was made of, where that is more than one service: services of the model, or artifacts of a cluster. */
export type Combines = "services" | "artifacts"

export interface Artifact {
  /** `group/Kind/namespace/name` of an object (group and namespace may be empty), or `file:path`. Unique per cluster. */
  readonly id: string
  readonly form: "object" | "file"
  readonly targets: ClusterSet
  /** YAML of the object (one document, final newline, no `---`), or the text of the file. */
  readonly text: string
  /** Identity of the service it belongs to; the fleet where absent. */
  readonly service?: string
  /** Filled in by the engine: the node that made it. */
  readonly node?: string
  /** Filled in by the engine: it is not updated while some of what it combines is not known. */
  readonly combines?: Combines | undefined
  readonly ownership: Ownership
}

export interface KubernetesObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
    readonly [key: string]: unknown
  }
  readonly [key: string]: unknown
}

export interface ObjectId {
  readonly group: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

export const objectId = (o: KubernetesObject): string => {
  const slash = o.apiVersion.indexOf("/")
  const group = slash < 0 ? "" : o.apiVersion.slice(0, slash)
  // Joined, because a template would keep its parts alive beside the whole.
  return [group, o.kind, o.metadata.namespace ?? "", o.metadata.name].join("/")
}

/** The parts of an object's id; undefined for a file. */
export const parseId = (id: string): ObjectId | undefined => {
  if (id.startsWith("file:")) return undefined
  const [group, kind, namespace, name] = id.split("/")
  return group === undefined || kind === undefined || namespace === undefined || name === undefined
    ? undefined
    : { group, kind, namespace, name }
}

export interface Options {
  readonly service?: string
  readonly ownership?: Ownership
}

/** An artifact from a Kubernetes object; the text is its YAML with stable key order. */
export const object = (targets: ClusterSet, body: KubernetesObject, options: Options = {}): Artifact => {
  const { ownership = "object", service } = options
  const [id, text] = [objectId(body), emit(body)]
  return service === undefined
    ? { id, form: "object", targets, text, ownership }
    : { id, form: "object", targets, text, service, ownership }
}

/** The object of an artifact that `object` made, to look at; throws for a file. */
export const body = (artifact: Artifact): KubernetesObject => {
  if (artifact.form === "file") throw new TypeError(`${artifact.id} is a file, not an object`)
  return read(artifact.text) as KubernetesObject
}

/** The artifact with another object in its place, for the same clusters and service; files stay as they are. */
export const edit = (artifact: Artifact, change: (body: KubernetesObject) => KubernetesObject): Artifact => {
  if (artifact.form === "file") return artifact
  const changed = change(body(artifact))
  return { ...artifact, id: objectId(changed), text: emit(changed) }
}

/** An artifact that is a text file, as a zone file. The path is relative, with `/`. */
export const file = (targets: ClusterSet, path: string, text: string, options: Options = {}): Artifact => ({
  id: `file:${path}`,
  form: "file",
  targets,
  text,
  ...(options.service === undefined ? {} : { service: options.service }),
  ownership: "object"
})
