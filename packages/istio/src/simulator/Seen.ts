/**
 * What a proxy in one namespace sees: hosts (exported to it by name first, then public ones; the first wins), the
 * DestinationRule that counts for a host, and routes. A gateway sees other things than a workload, and loops begin there.
 */
import type { Endpoint, Entry, Policy, Port, Routes, Visible } from "./Parsed.ts"
import { type Mesh, rootNamespace } from "./World.ts"

/** `named`: exported to this namespace; `public`: to all; undefined: not visible. */
export const visibility = ({ item, exportTo }: Visible, namespace: string): "named" | "public" | undefined => {
  if (exportTo.length === 0 || exportTo.includes("*")) return "public"
  if (exportTo.includes(namespace) || (exportTo.includes(".") && item.namespace === namespace)) return "named"
  return undefined
}

/** `pattern` is a host, `*.` before a domain, or `*`. */
export const covers = (pattern: string, host: string): boolean =>
  pattern === host || pattern === "*" || (pattern.startsWith("*.") && host.endsWith(pattern.slice(1)))

export interface Seen {
  readonly entry: Entry
  /** Of all entries with its host and namespace: Istio merges those, whoever may see them. */
  readonly endpoints: ReadonlyArray<Endpoint>
  readonly ports: ReadonlyArray<Port>
  /** Equally visible entries of the host that lose. */
  readonly shadowed: ReadonlyArray<Entry>
}

const seenBy = (mesh: Mesh, namespace: string, has: (entry: Entry) => boolean): Seen | undefined => {
  const named: Array<Entry> = []
  const open: Array<Entry> = []
  for (const entry of mesh.entries) {
    if (!has(entry)) continue
    const how = visibility(entry, namespace)
    if (how === "named") named.push(entry)
    else if (how === "public") open.push(entry)
  }
  const entry = named[0] ?? open[0]
  if (entry === undefined) return undefined
  const together = mesh.entries.filter((other) => other.item.namespace === entry.item.namespace && has(other))
  const rivals = (named.length > 0 ? named : open).filter((other) => other !== entry)
  const isMerged = (other: Entry) =>
    together.includes(other) && other.resolution === entry.resolution && other.exportTo.join() === entry.exportTo.join()
  const merged = rivals.filter(isMerged).flatMap((other) => other.ports)
  return {
    entry,
    endpoints: together.length === 1 ? entry.endpoints : together.flatMap((each) => each.endpoints),
    ports: merged.length === 0 ? entry.ports : [...entry.ports, ...merged],
    shadowed: rivals.filter((other) => !isMerged(other))
  }
}

/** What this namespace takes for the host: an exact name before a wildcard, the longest of those first. */
export const seen = (mesh: Mesh, namespace: string, host: string): Seen | undefined => {
  const exact = seenBy(mesh, namespace, (entry) => entry.hosts.includes(host))
  if (exact !== undefined) return exact
  const wild = mesh.entries
    .flatMap((entry) => entry.hosts)
    .filter((h) => h.startsWith("*") && covers(h, host))
    .sort((a, b) => b.length - a.length)[0]
  return wild === undefined ? undefined : seenBy(mesh, namespace, (entry) => entry.hosts.includes(wild))
}

/** The one DestinationRule that counts: in the caller's namespace, else in the host's, else in the root namespace. */
export const policyFor = (mesh: Mesh, namespace: string, host: string, entry: Entry): Policy | undefined => {
  for (const place of [namespace, entry.item.namespace, rootNamespace]) {
    let best: Policy | undefined
    for (const policy of mesh.policies) {
      if (policy.item.namespace !== place || !covers(policy.host, host) || visibility(policy, namespace) === undefined)
        continue
      if (policy.workloadSelector && place !== namespace) continue
      if (best === undefined || (best.host !== host && policy.host.length > best.host.length)) best = policy
    }
    if (best !== undefined) return best
  }
  return undefined
}

/** Routes of any of these hosts, oldest first. `bound` says whether they apply here. */
export const routesFor = (
  mesh: Mesh,
  namespace: string,
  hosts: ReadonlyArray<string>,
  bound: (routes: Routes) => boolean
): ReadonlyArray<Routes> =>
  mesh.routes.filter(
    (r) =>
      bound(r) &&
      r.hosts.some((own) => hosts.some((host) => covers(own, host) || covers(host, own))) &&
      visibility(r, namespace) !== undefined
  )
