/** What every generated object carries: name, namespace, labels, annotations. Empty maps are left out. */

export type Strings = { readonly [key: string]: string }

export type Metadata = {
  readonly name: string
  readonly namespace?: string
  readonly labels?: Strings
  readonly annotations?: Strings
}

/** The API version of all Istio networking objects that cw writes; served since Istio 1.22. */
export const networking = "networking.istio.io/v1"

const isEmpty = (map: Strings | undefined): boolean => {
  for (const _ in map) return false
  return true
}

/** Members in printing order, so that emission has nothing to sort. */
export const metadata = (name: string, namespace?: string, labels?: Strings, annotations?: Strings): Metadata => {
  const out: { -readonly [K in keyof Metadata]: Metadata[K] } = { name }
  if (namespace !== undefined) out.namespace = namespace
  if (!isEmpty(labels)) out.labels = labels!
  if (!isEmpty(annotations)) out.annotations = annotations!
  return out
}
