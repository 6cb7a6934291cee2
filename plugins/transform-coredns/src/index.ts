/**
 * DNS configuration for pods without Istio's DNS capture: every cluster answers the global names that its workloads may
 * call, with the addresses that the ServiceEntries carry. Clusters that see the same names share one body.
 */
import type { Artifact } from "@coddiwomple/core/Artifact"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { reasonOf } from "@coddiwomple/core/FileDisk"
import { Host } from "@coddiwomple/core/Host"
import { located } from "@coddiwomple/core/Located"
import type { Cluster, Service } from "@coddiwomple/core/Model"
import { isIp } from "@coddiwomple/core/Names"
import { permanent, refused } from "@coddiwomple/core/PluginError"
import * as Suggest from "@coddiwomple/core/Suggest"
import * as Transform from "@coddiwomple/core/Transform"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import { Config, type Platform, platforms } from "./Config.ts"
import { maximumTemplates, templates } from "./Corefile.ts"
import { merge, reloads } from "./Merge.ts"
import { artifacts } from "./Platforms.ts"
import { records, visible } from "./Records.ts"

/** A ConfigMap may hold 1 MiB; the rest is for names and what others keep in it. */
const maximumBytes = 1_000_000

export default Transform.make({
  type: "coredns",
  summary: "DNS configuration for the global names: CoreDNS, kube-dns, zone files",
  config: Config,
  produces: ["object", "file"],
  examples: [
    { summary: "Zone file and Corefile fragment beside the manifests", config: {} },
    { summary: "AKS", config: { platform: "coredns-custom" } },
    { summary: "An own CoreDNS with a fixed address", config: { platform: "deployment", clusterIP: "10.96.0.53" } }
  ],
  make: (config) =>
    Effect.gen(function* () {
      const host = yield* Host
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      if (config.platform === "self-managed" && config.corefile === undefined)
        return yield* Effect.fail(refused([noCorefile()]))
      const open = (file: string) =>
        fs
          .readFileString(located(path, host, file))
          .pipe(Effect.mapError((cause) => permanent(`${file}: ${reasonOf(cause)}`, cause)))
      return Transform.model(({ model, services }) =>
        Effect.gen(function* () {
          const { clusters, suffix } = model.fleet
          const findings: Array<Diagnostic.Diagnostic> = []
          const rendered: Array<Artifact> = []
          for (const group of groups(clusters, services, config, findings)) {
            const { corefile, platform } = group
            const seen = records(group.services, suffix, findings)
            if (platform !== "files" && !hasServer(platform) && templates(seen) > maximumTemplates)
              findings.push(tooMany(templates(seen)))
            if (platform === "kube-dns" && group.clusterIP === undefined) findings.push(noAddress(group.names))
            if (platform === "self-managed" && corefile === undefined) {
              findings.push(noCorefile())
              continue
            }
            const existing = corefile === undefined ? "" : yield* open(corefile)
            const merged = (fragment: string): string => {
              const result = merge(existing, fragment, host.pipeline, suffix, corefile!)
              if (typeof result !== "string") {
                findings.push(...result)
                return ""
              }
              if (!reloads(existing)) findings.push(noReload(corefile!))
              return result
            }
            const bodies = artifacts({
              platform,
              targets: model.fleet.set(group.indices),
              records: seen,
              suffix,
              config,
              clusterIP: group.clusterIP,
              merge: merged
            })
            for (const body of bodies)
              if (body.form === "object" && body.text.length > maximumBytes)
                findings.push(tooLarge(body.id, body.text.length))
            rendered.push(...bodies)
          }
          return { artifacts: rendered, diagnostics: distinct(findings) }
        })
      )
    })
})

/** What several groups of clusters have in common is told once. */
const distinct = (findings: ReadonlyArray<Diagnostic.Diagnostic>): ReadonlyArray<Diagnostic.Diagnostic> => [
  ...new Map(findings.map((d) => [`${d.code} ${d.message}`, d])).values()
]

interface Group {
  readonly platform: Platform
  /** self-managed: file of the Corefile to merge into. */
  readonly corefile: string | undefined
  /** deployment and kube-dns: address of the own CoreDNS. */
  readonly clusterIP: string | undefined
  readonly names: Array<string>
  readonly indices: Array<number>
  readonly services: ReadonlyArray<Service>
}

/** Clusters of one platform that see the same services, together. */
const groups = (
  clusters: ReadonlyArray<Cluster>,
  services: ReadonlyArray<Service>,
  config: Config,
  findings: Array<Diagnostic.Diagnostic>
): ReadonlyArray<Group> => {
  const restricted = services.filter((s) => s.consumers !== undefined || s.traffic === "local-only")
  const out = new Map<string, Group>()
  for (const cluster of clusters) {
    const platform = platformOf(cluster, config.platform, findings)
    if (platform === "none") continue
    if (cluster.dataplane === "ambient" && !config.ambient) {
      if (cluster.dns?.platform !== undefined) findings.push(ambient(cluster))
      continue
    }
    const hidden = new Set(restricted.filter((s) => !visible(s, cluster)).map((s) => s.identity))
    const corefile = platform === "self-managed" ? config.corefile?.replaceAll("{cluster}", cluster.name) : undefined
    const clusterIP = hasServer(platform) ? addressOf(cluster, config.clusterIP, findings) : undefined
    const key = `${platform}\n${corefile}\n${clusterIP}\n${[...hidden].join("\n")}`
    const known = out.get(key)
    if (known !== undefined) {
      known.indices.push(cluster.index)
      known.names.push(cluster.name)
    } else {
      const shown = hidden.size === 0 ? services : services.filter((s) => !hidden.has(s.identity))
      const { index, name } = cluster
      out.set(key, { platform, corefile, clusterIP, names: [name], indices: [index], services: shown })
    }
  }
  return [...out.values()]
}

const platformOf = (cluster: Cluster, fallback: Platform, findings: Array<Diagnostic.Diagnostic>): Platform => {
  const named = cluster.dns?.platform
  if (named === undefined) return fallback
  if ((platforms as ReadonlyArray<string>).includes(named)) return named as Platform
  findings.push(
    Diagnostic.error("CW650", `cluster ${cluster.name}: DNS platform ${JSON.stringify(named)} is not known`, {
      place: cluster.origin.place?.(["dns", "platform"]),
      help: Suggest.help(named, platforms)
    })
  )
  return "none"
}

/** Service ranges differ from cluster to cluster: what the cluster says counts. */
const addressOf = (
  cluster: Cluster,
  fallback: string | undefined,
  findings: Array<Diagnostic.Diagnostic>
): string | undefined => {
  const named = cluster.dns?.clusterIP
  if (named === undefined || isIp(named)) return named ?? fallback
  const message = `cluster ${cluster.name}: clusterIP ${JSON.stringify(named.slice(0, 80))} is not an IP address`
  findings.push(Diagnostic.error("CW650", message, { place: cluster.origin.place?.(["dns", "clusterIP"]) }))
  return fallback
}

const ambient = (cluster: Cluster) =>
  Diagnostic.warning("CW628", `cluster ${cluster.name} is ambient: no names are made for it`, {
    place: cluster.origin.place?.(["dns", "platform"]),
    help: "set `ambient: true` where something answers at the addresses there, as with profile classic"
  })

const hasServer = (platform: Platform): boolean => platform === "deployment" || platform === "kube-dns"

const noCorefile = () =>
  Diagnostic.error("CW103", "platform self-managed needs `corefile`: the Corefile to merge into", {
    help: "kubectl -n kube-system get configmap coredns -o jsonpath='{.data.Corefile}' > Corefile"
  })

const noReload = (file: string) =>
  Diagnostic.warning("CW650", `${file} has no \`reload\`: CoreDNS sees changes only when it is started again`, {
    place: { file },
    help: "add `reload` to its first server block"
  })

const noAddress = (clusters: ReadonlyArray<string>) =>
  Diagnostic.error("CW650", `kube-dns stub domains need the address of the own CoreDNS in ${clusters.join(", ")}`, {
    help: "set `dns.clusterIP` of the cluster, or `clusterIP`, to a free address of the service range"
  })

const tooMany = (n: number) =>
  Diagnostic.error(
    "CW650",
    `${n} wildcard hosts are more than the ${maximumTemplates} that CoreDNS answers fast without a zone file`,
    {
      help: "use platform deployment or files"
    }
  )

const tooLarge = (id: string, bytes: number) =>
  Diagnostic.error("CW650", `${id} would be ${bytes} bytes, more than a ConfigMap holds`, {
    help: "use platform files, and mount the zone file"
  })
