/**
 * Artifacts as the objects they are: read back fast when cw printed them, by a YAML 1.1 parser otherwise, which is how
 * Kubernetes reads them. What is no single object with a name is a finding, not a crash.
 */
import { type Artifact, type ObjectId, parseId } from "@coddiwomple/core/Artifact"
import { read } from "@coddiwomple/core/Read"
import { type Body, fieldsManager, manager, prepare } from "@coddiwomple/kubernetes/Apply"
import { objectName } from "@coddiwomple/core/Names"
import { isPathSegment } from "@coddiwomple/kubernetes/Discovery"
import type * as Yaml from "yaml"

/** The label of everything a pipeline owns. */
export const pipelineLabel = "coddiwomple.io/pipeline"

export const labelValue = (pipeline: string): string => objectName(pipeline)

export interface Wanted {
  readonly artifact: Artifact
  readonly id: ObjectId
  readonly body: Body
  readonly manager: string
}

export class Bodies {
  private readonly pipeline: string
  private readonly labels: Readonly<Record<string, string>>
  private readonly yaml: typeof Yaml
  private readonly known = new Map<Artifact, Wanted | { readonly problem: string }>()

  constructor(pipeline: string, yaml: typeof Yaml) {
    this.pipeline = pipeline
    this.yaml = yaml
    this.labels = { [pipelineLabel]: labelValue(pipeline) }
  }

  of(artifact: Artifact): Wanted | { readonly problem: string } {
    const found = this.known.get(artifact)
    if (found !== undefined) return found
    const made = this.make(artifact)
    this.known.set(artifact, made)
    return made
  }

  private make(artifact: Artifact): Wanted | { readonly problem: string } {
    const id = parseId(artifact.id)
    if (id === undefined) return { problem: "it is a file, not an object" }
    const body = this.parse(artifact.text)
    if (typeof body === "string") return { problem: body }
    const { apiVersion, kind, metadata } = body as {
      apiVersion?: unknown
      kind?: unknown
      metadata?: { name?: unknown; namespace?: unknown }
    }
    if (typeof apiVersion !== "string" || typeof kind !== "string" || typeof metadata?.name !== "string")
      return { problem: "it has no apiVersion, kind or metadata.name" }
    const namespace = metadata.namespace ?? ""
    if (kind !== id.kind || metadata.name !== id.name || namespace !== id.namespace)
      return { problem: "its id is that of another object" }
    if (!isPathSegment(id.name) || (id.namespace !== "" && !isPathSegment(id.namespace)))
      return { problem: "its name cannot be the name of an object" }
    // A shared object belongs to nobody: only our fields in it are ours.
    return artifact.ownership === "fields"
      ? { artifact, id, body: prepare(body), manager: fieldsManager(this.pipeline) }
      : { artifact, id, body: prepare(body, this.labels), manager }
  }

  private parse(text: string): Body | string {
    try {
      return read(text) as Body
    } catch {}
    const document = this.yaml.parseDocument(text, { version: "1.1", prettyErrors: false })
    if (document.errors.length > 0) return `it is not valid YAML: ${document.errors[0]!.message.split("\n")[0]}`
    const value: unknown = document.toJS({ maxAliasCount: 100 })
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Body) : "it is no object"
  }
}
