/**
 * A generation as one stream of bytes: by service, cluster, and the order in which the transforms emitted. Every body is
 * encoded once however many clusters it is for, and copied into one buffer that is used again: memory does not grow
 * with the output.
 */
import type { Artifact } from "@coddiwomple/core/Artifact"
import type { Desired } from "@coddiwomple/core/Desired"
import { read } from "@coddiwomple/core/Read"
import type { Config } from "./Config.ts"

const chunkSize = 1 << 20

const encoder = new TextEncoder()

type Selected = { readonly name: string; readonly index: number }

/** Chunks of at least 1 MiB, but for the last. A chunk is valid until the next is asked for. */
export function* bytes(desired: Desired, config: Config): Generator<Uint8Array> {
  const clusters: ReadonlyArray<Selected> = desired.model.fleet.clusters.filter(
    (c) => config.clusters?.includes(c.name) ?? true
  )
  const wanted = config.services === undefined ? undefined : new Set(config.services)
  const groups = wanted === undefined ? desired.groupNames : desired.groupNames.filter((g) => wanted.has(g))
  let buffer = new Uint8Array(chunkSize * 2)
  let used = 0
  for (const group of groups) {
    const artifacts = desired.group(group).filter((a) => a.form === "object")
    const bodies = artifacts.map((a) => encoder.encode(body(a, config.format)))
    const piece = (part: Uint8Array): void => {
      if (used + part.length > buffer.length) {
        const larger = new Uint8Array((used + part.length) * 2)
        larger.set(buffer.subarray(0, used))
        buffer = larger
      }
      buffer.set(part, used)
      used += part.length
    }
    if (config.format === "classic" && artifacts.length > 0) piece(encoder.encode(banner(80, "Service", group)))
    for (const cluster of clusters) {
      const word = cluster.index >>> 5
      const bit = 1 << (cluster.index & 31)
      let first = config.format === "classic"
      for (let i = 0; i < artifacts.length; i++) {
        if ((artifacts[i]!.targets[word]! & bit) === 0) continue
        if (first) piece(encoder.encode(banner(20, "Cluster", cluster.name)))
        first = false
        piece(bodies[i]!)
      }
      if (used >= chunkSize) {
        yield buffer.subarray(0, used)
        used = 0
      }
    }
  }
  if (used > 0) yield buffer.subarray(0, used)
}

const body = (artifact: Artifact, format: Config["format"]): string => {
  switch (format) {
    case "yaml":
      return `---\n${artifact.text}`
    case "classic":
      return `---\n${artifact.text}\n`
    case "json":
      return `${JSON.stringify(read(artifact.text))}\n`
  }
}

const banner = (width: number, what: string, name: string): string => {
  const line = "#".repeat(width)
  return `${line}\n# Configs for ${what} "${name}"\n${line}\n`
}

/** What `bytes` gives: documents, and the clusters that get any. */
export const countDocuments = (
  desired: Desired,
  config: Config
): { readonly documents: number; readonly clusters: number } => {
  const counts = new Uint32Array(desired.model.fleet.clusters.length)
  for (const artifact of desired.artifacts()) {
    if (artifact.form !== "object" || !(config.services?.includes(artifact.service ?? "") ?? true)) continue
    artifact.targets.forEach((word, w) => {
      for (let rest = word; rest !== 0; rest &= rest - 1) counts[(w << 5) + 31 - Math.clz32(rest & -rest)]!++
    })
  }
  const shown = desired.model.fleet.clusters
    .filter((c) => config.clusters?.includes(c.name) ?? true)
    .map((c) => counts[c.index]!)
  return { documents: shown.reduce((a, b) => a + b, 0), clusters: shown.filter((n) => n > 0).length }
}
