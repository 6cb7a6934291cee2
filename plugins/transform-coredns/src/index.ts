/**
 * DNS configuration for pods without Istio's DNS capture: every cluster answers the global names that its workloads may
 * call, with the addresses that the ServiceEntries carry. Clusters that see the same names share one body.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { Host } from "@coddiwomple/core/Host"
import type { Cluster, Service } from "@coddiwomple/core/Model"
import { permanent, refused } from "@coddiwomple/core/PluginError"
import * as Suggest from "@coddiwomple/core/Suggest"
import * as Transform from "@coddiwomple/core/Transform"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import { Config, type Platform, platforms } from "./Config.ts"
import { maximumTemplates } from "./Corefile.ts"
import { merge } from "./Merge.ts"
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
      const existing = yield* readCorefile(config)
      return Transform.model(({ model, services }) => {
        const findings: Array<Diagnostic.Diagnostic> = []
        const rendered = groups(model.fleet.clusters, services, config.platform, findings).flatMap((group) => {
          const seen = records(group.services, model.fleet.suffix, findings)
          if (group.platform !== "files" && group.platform !== "deployment" && seen.wild.length > maximumTemplates) {
            findings.push(tooMany(seen.wild.length))
          }
          if (needsAddress(group.platform) && config.clusterIP === undefined) findings.push(noAddress())
          const bodies = artifacts({
            platform: group.platform,
            targets: model.fleet.set(group.indices),
            records: seen,
            suffix: model.fleet.suffix,
            config,
            merge: (fragment) => {
              const merged = merge(
                existing?.text ?? "",
                fragment,
                host.pipeline,
                model.fleet.suffix,
                existing?.file ?? "Corefile"
              )
              if (typeof merged === "string") return merged
              findings.push(...merged)
              return ""
            }
          })
          for (const body of bodies)
            if (body.form === "object" && body.text.length > maximumBytes)
              findings.push(tooLarge(body.id, body.text.length))
          return bodies
        })
        return { artifacts: rendered, diagnostics: findings }
      })
    })
})

interface Group {
  readonly platform: Platform
  readonly indices: Array<number>
  readonly services: ReadonlyArray<Service>
}

/** Clusters of one platform that see the same services, together. */
const groups = (
  clusters: ReadonlyArray<Cluster>,
  services: ReadonlyArray<Service>,
  fallback: Platform,
  findings: Array<Diagnostic.Diagnostic>
): ReadonlyArray<Group> => {
  const restricted = services.filter((s) => s.consumers !== undefined)
  const out = new Map<string, Group>()
  for (const cluster of clusters) {
    const platform = platformOf(cluster, fallback, findings)
    if (platform === "none") continue
    const hidden = new Set(restricted.filter((s) => !visible(s, cluster)).map((s) => s.identity))
    const key = `${platform}\n${[...hidden].join("\n")}`
    const known = out.get(key)
    if (known !== undefined) known.indices.push(cluster.index)
    else {
      const shown = hidden.size === 0 ? services : services.filter((s) => !hidden.has(s.identity))
      out.set(key, { platform, indices: [cluster.index], services: shown })
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

const readCorefile = Effect.fnUntraced(function* (config: Config) {
  if (config.corefile === undefined) {
    if (config.platform !== "self-managed") return undefined
    return yield* Effect.fail(
      refused([
        Diagnostic.error("CW103", "platform self-managed needs `corefile`: the Corefile to merge into", {
          help: "kubectl -n kube-system get configmap coredns -o jsonpath='{.data.Corefile}' > Corefile"
        })
      ])
    )
  }
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = path.resolve((yield* Host).directory, config.corefile)
  const text = yield* fs
    .readFileString(file)
    .pipe(Effect.mapError((cause) => permanent(`${config.corefile}: ${cause.message}`, cause)))
  return { file: config.corefile, text }
})

const needsAddress = (platform: Platform): boolean => platform === "kube-dns"

const noAddress = () =>
  Diagnostic.error("CW650", "kube-dns stub domains need the address of the own CoreDNS", {
    help: "set `clusterIP` to a free address of the service range"
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
