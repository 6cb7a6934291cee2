/** Which Services count: label selectors as kubectl has them, annotations, namespaces; system namespaces are out by default. */
export interface Selection {
  /** Kubernetes label selector: `a=b, c!=d, e in (f,g), h, !i`. */
  readonly labels?: string
  /** Annotations that must have these values. */
  readonly annotations?: Readonly<Record<string, string>>
  /** Only these namespaces. */
  readonly namespaces?: ReadonlyArray<string>
}

export const systemNamespaces: ReadonlySet<string> = new Set([
  "kube-system",
  "kube-public",
  "kube-node-lease",
  "istio-system",
  "cw-system"
])

type Requirement = (labels: Readonly<Record<string, string>>) => boolean

/** A predicate, or a sentence saying what is wrong with the selector. */
export const labelSelector = (text: string): Requirement | { readonly problem: string } => {
  const requirements: Array<Requirement> = []
  const key = "([A-Za-z0-9][-A-Za-z0-9_./]*)"
  const value = "([-A-Za-z0-9_.]*)"
  for (const part of split(text)) {
    const set = new RegExp(`^${key}\\s+(in|notin)\\s*\\(([^()]*)\\)$`).exec(part)
    const equality = new RegExp(`^${key}\\s*(==|=|!=)\\s*${value}$`).exec(part)
    const exists = new RegExp(`^(!?)\\s*${key}$`).exec(part)
    if (set !== null) {
      const values = new Set(set[3]!.split(",").map((v) => v.trim()))
      const wanted = set[2] === "in"
      requirements.push((labels) => {
        const found = labels[set[1]!]
        return wanted ? found !== undefined && values.has(found) : found === undefined || !values.has(found)
      })
    } else if (equality !== null) {
      const equal = equality[2] !== "!="
      requirements.push((labels) => (labels[equality[1]!] === equality[3]) === equal)
    } else if (exists !== null) {
      const there = exists[1] === ""
      requirements.push((labels) => (labels[exists[2]!] !== undefined) === there)
    } else return { problem: `"${part.slice(0, 80)}" is not a label requirement such as team=web or tier in (a,b)` }
  }
  return (labels) => requirements.every((r) => r(labels))
}

/** At commas outside parentheses. */
const split = (text: string): ReadonlyArray<string> =>
  text
    .split(/,(?![^(]*\))/)
    .map((p) => p.trim())
    .filter((p) => p !== "")

export interface Selectable {
  readonly metadata: {
    readonly name?: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
}

export const selector = (selection: Selection): ((object: Selectable) => boolean) | { readonly problem: string } => {
  const labels = selection.labels === undefined ? () => true : labelSelector(selection.labels)
  if ("problem" in labels) return labels
  const namespaces = selection.namespaces === undefined ? undefined : new Set(selection.namespaces)
  const annotations = Object.entries(selection.annotations ?? {})
  return ({ metadata }) => {
    const namespace = metadata.namespace ?? "default"
    // The API server itself: every cluster has it, and none means the other's.
    if (namespace === "default" && metadata.name === "kubernetes") return false
    if (namespaces === undefined ? systemNamespaces.has(namespace) : !namespaces.has(namespace)) return false
    return labels(metadata.labels ?? {}) && annotations.every(([k, v]) => metadata.annotations?.[k] === v)
  }
}
