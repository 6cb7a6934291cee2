/**
 * The names a cluster must answer, with their addresses: the same that the ServiceEntries carry.
 * Every name has passed the one door here: lower-case DNS names below the suffix, nothing that a Corefile, a zone file
 * or a regular expression could read as something else.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { Cluster, Service } from "@coddiwomple/core/Model"
import { ipVersion } from "@coddiwomple/core/Names"

export interface Record {
  /** Full name without a final dot; `*.` in front of a wildcard. */
  readonly host: string
  readonly address: string
  readonly version: 4 | 6
}

export interface Records {
  /** Sorted by name, exact names and wildcards. */
  readonly exact: ReadonlyArray<Record>
  readonly wild: ReadonlyArray<Record>
  /** Proper parents of names that are no names themselves, and the apex: they exist, without data. */
  readonly parents: ReadonlyArray<string>
}

const safe = /^(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/

/** What must not come near a Corefile; the model has refused it before. */
export const isSafeHost = (host: string): boolean => safe.test(host) && host.length <= 253

/** As the ServiceEntries have it: where it runs, and where others may call it. */
export const visible = (service: Service, cluster: Cluster): boolean =>
  service.backends.some((b) => b.cluster === cluster.name) ||
  (service.traffic !== "local-only" && (service.consumers === undefined || service.consumers.includes(cluster.name)))

export const records = (
  services: ReadonlyArray<Service>,
  suffix: string,
  findings: Array<Diagnostic.Diagnostic>
): Records => {
  const exact: Array<Record> = []
  const wild: Array<Record> = []
  for (const service of services) {
    const version = ipVersion(service.address)
    for (const host of service.hosts) {
      if (version === undefined || !isSafeHost(host) || !host.endsWith(`.${suffix}`)) {
        findings.push(
          Diagnostic.error("CW650", `${host} → ${service.address} cannot become a DNS record`, {
            service: service.identity
          })
        )
      } else {
        const target = host.startsWith("*.") ? wild : exact
        target.push({ host, address: service.address, version })
      }
    }
  }
  exact.sort(byHost)
  wild.sort(byHost)
  return { exact, wild, parents: parents(exact, wild, suffix) }
}

const byHost = (a: Record, b: Record): number => (a.host < b.host ? -1 : a.host > b.host ? 1 : 0)

const parents = (exact: ReadonlyArray<Record>, wild: ReadonlyArray<Record>, suffix: string): ReadonlyArray<string> => {
  const names = new Set(exact.map((r) => r.host))
  const out = new Set<string>([suffix])
  for (const { host } of [...exact, ...wild]) {
    for (
      let name = host.slice(host.indexOf(".") + 1);
      name.length > suffix.length;
      name = name.slice(name.indexOf(".") + 1)
    ) {
      if (!names.has(name)) out.add(name)
    }
  }
  return [...out].sort()
}
