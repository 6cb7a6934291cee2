/**
 * Where artifacts lie as files: a template with placeholders becomes a checked path. The folder of a cluster is the part
 * up to the segment `{cluster}`, so that no two clusters share a file; below it all clusters have the same paths.
 */
import { type Artifact, parseId } from "./Artifact.ts"
import { escape, problem, shorten } from "./SafePath.ts"

export const defaultLayout = "{cluster}/{namespace}/{kind}-{name}.yaml"

export const placeholders = ["cluster", "namespace", "kind", "name", "group", "service"] as const

/** Stand for a namespace and a service that an object does not have. Names never look like this: see `SafePath.escape`. */
const noNamespace = "_cluster"
const noService = "_fleet"

export interface Layout {
  /** Folder of a cluster, relative to the root. */
  readonly folder: (cluster: string) => string
  /** Path below the folder of a cluster. With `grouped` the kind carries its API group. */
  readonly path: (artifact: Artifact, grouped?: boolean) => string
}

/** The layout of a template, or a sentence saying what is wrong with it. */
export const parse = (template: string): Layout | { readonly problem: string } => {
  const segments = template.split("/")
  const at = segments.indexOf("{cluster}")
  const names = [...template.matchAll(/\{([^{}]*)\}/g)].map((match) => match[1]!)
  const unknown = names.find((name) => !(placeholders as ReadonlyArray<string>).includes(name))
  if (unknown !== undefined)
    return { problem: `unknown placeholder {${unknown}}: use ${placeholders.map((p) => `{${p}}`).join(" ")}` }
  if (
    at < 0 ||
    segments.slice(0, at).some((segment) => /[{}]/.test(segment)) ||
    names.filter((n) => n === "cluster").length > 1
  ) {
    return { problem: "it needs {cluster} once, as a whole segment behind fixed ones" }
  }
  if (at === segments.length - 1) return { problem: "it needs a file below {cluster}" }
  if (!names.includes("kind") || !names.includes("name")) return { problem: "it needs {kind} and {name}" }
  const why = problem(template.replace(/\{[^{}]*\}/g, "x"))
  if (why !== undefined) return { problem: `${template}: ${why}` }
  const above = segments
    .slice(0, at)
    .map((segment) => `${segment}/`)
    .join("")
  const below = segments.slice(at + 1).map(pieces)
  return {
    folder: (cluster) => above + shorten(escape(cluster)),
    path: (artifact, grouped = false) => {
      const id = parseId(artifact.id)
      if (id === undefined) return artifact.id.startsWith("file:") ? artifact.id.slice("file:".length) : ""
      const group = escape(id.group === "" ? "core" : id.group)
      const kind = escape(id.kind.toLowerCase())
      const values: Readonly<Record<string, string>> = {
        namespace: id.namespace === "" ? noNamespace : escape(id.namespace),
        kind: grouped ? `${kind}.${group}` : kind,
        name: escape(id.name),
        group,
        service: artifact.service === undefined ? noService : escape(artifact.service)
      }
      return below
        .map((segment) => shorten(segment.map((p) => (p.name === undefined ? p.text : values[p.name]!)).join("")))
        .join("/")
    }
  }
}

type Piece = { readonly text: string; readonly name?: undefined } | { readonly name: string }

const pieces = (segment: string): ReadonlyArray<Piece> =>
  segment
    .split(/(\{[^{}]*\})/)
    .filter((text) => text !== "")
    .map((text) => (text.startsWith("{") ? { name: text.slice(1, -1) } : { text }))
