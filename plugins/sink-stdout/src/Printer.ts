/**
 * A generation as bytes, in stream order: service, cluster, then as emitted. Each body is encoded once per service and
 * copied once per cluster, inside one piece of memory that is used again and again: memory does not grow with the output.
 */
import type { Artifact } from "@coddiwomple/core/Artifact"
import type { Desired } from "@coddiwomple/core/Desired"
import type { Fleet } from "@coddiwomple/core/Model"

/** Size of the pieces that are handed out: larger ones cost the kernel more for each byte of a file. */
export const chunkSize = 1 << 18

export interface Format {
  /** Before the documents of a group. */
  readonly group?: (name: string) => string
  /** Before the documents of a cluster. */
  readonly cluster?: (name: string) => string
  readonly document: (artifact: Artifact) => string
}

export interface Selection {
  /** Indices in the fleet, ascending. */
  readonly clusters: ReadonlyArray<number>
  readonly groups: ReadonlyArray<string>
}

const encoder = new TextEncoder()

export class Printer {
  private readonly format: Format
  /** The piece that is being filled; behind it the encoded texts of the current group. */
  private arena = new Uint8Array(chunkSize * 2)
  /** Where the piece is filled to. */
  private fill = 0
  /** Where the texts end. */
  private end = chunkSize

  constructor(format: Format) {
    this.format = format
  }

  /** Each piece is valid until the next is asked for. */
  *print(desired: Desired, { clusters, groups }: Selection): Generator<Uint8Array, void> {
    const banners = this.banners(desired.model.fleet, clusters)
    this.fill = 0
    for (const name of groups) {
      const artifacts = desired.group(name).filter((artifact) => artifact.form === "object")
      if (artifacts.length === 0) continue
      this.end = chunkSize
      const header = this.encode(this.format.group?.(name) ?? "")
      const bounds = [this.end]
      for (const artifact of artifacts) {
        this.encode(this.format.document(artifact))
        bounds.push(this.end)
      }
      let pending = bounds[0]! > header
      const steps = stepsOf(artifacts)
      for (let c = 0; c < clusters.length; ) {
        const cluster = clusters[c]!
        // Most clusters get what their neighbour gets.
        const last = banners === undefined ? clusters.length : c + 1
        let next = c + 1
        while (next < last && !isStep(steps, clusters[next - 1]!, clusters[next]!)) next++
        const times = next - c
        c = next
        const segments = segmentsOf(artifacts, cluster)
        if (segments.length === 0) continue
        if (pending) yield* this.copy(header, bounds[0]!)
        pending = false
        if (banners !== undefined) yield* this.bytes(banners.get(cluster)!)
        let length = 0
        for (const [from, to] of segments) length += bounds[to]! - bounds[from]!
        for (let left = times; left > 0; ) {
          const fitting = Math.min(left, Math.floor((chunkSize - this.fill) / length))
          if (fitting === 0) for (const [from, to] of segments) yield* this.copy(bounds[from]!, bounds[to]!)
          else this.repeat(segments, bounds, length, fitting)
          left -= Math.max(1, fitting)
        }
      }
    }
    if (this.fill > 0) yield this.flush()
  }

  /** The segments, `length` bytes in all, so many times as fit: once from the texts, then doubled where they stand. */
  private repeat(segments: Segments, bounds: ReadonlyArray<number>, length: number, times: number): void {
    const start = this.fill
    for (const [from, to] of segments) {
      this.arena.copyWithin(this.fill, bounds[from]!, bounds[to]!)
      this.fill += bounds[to]! - bounds[from]!
    }
    const end = start + length * times
    while (this.fill < end) {
      const more = Math.min(this.fill - start, end - this.fill)
      this.arena.copyWithin(this.fill, start, start + more)
      this.fill += more
    }
  }

  private banners(fleet: Fleet, clusters: ReadonlyArray<number>): ReadonlyMap<number, Uint8Array> | undefined {
    const { cluster } = this.format
    return cluster === undefined
      ? undefined
      : new Map(clusters.map((i) => [i, encoder.encode(cluster(fleet.clusters[i]!.name))] as const))
  }

  /** Behind what is encoded already; returns where it begins. */
  private encode(text: string): number {
    const start = this.end
    // UTF-8 needs three bytes at most for a unit of a string.
    const needed = start + text.length * 3
    if (needed > this.arena.length) {
      const larger = new Uint8Array(Math.max(needed, this.arena.length * 2))
      larger.set(this.arena.subarray(0, start))
      this.arena = larger
    }
    this.end += encoder.encodeInto(text, this.arena.subarray(start)).written
    return start
  }

  /** Copies from the texts of the group into the piece, handing out pieces that are full. */
  private *copy(from: number, to: number): Generator<Uint8Array, void> {
    for (let at = from; at < to; ) {
      if (this.fill === chunkSize) yield this.flush()
      const length = Math.min(to - at, chunkSize - this.fill)
      this.arena.copyWithin(this.fill, at, at + length)
      this.fill += length
      at += length
    }
  }

  private *bytes(bytes: Uint8Array): Generator<Uint8Array, void> {
    for (let at = 0; at < bytes.length; ) {
      if (this.fill === chunkSize) yield this.flush()
      const length = Math.min(bytes.length - at, chunkSize - this.fill)
      this.arena.set(bytes.subarray(at, at + length), this.fill)
      this.fill += length
      at += length
    }
  }

  private flush(): Uint8Array {
    const filled = this.arena.subarray(0, this.fill)
    this.fill = 0
    return filled
  }
}

const has = ({ targets }: Artifact, cluster: number): boolean => (targets[cluster >>> 5]! & (1 << (cluster & 31))) !== 0

/** A bit for each cluster that gets other bodies than the cluster before it. */
const stepsOf = (artifacts: ReadonlyArray<Artifact>): Uint32Array => {
  const steps = new Uint32Array(artifacts[0]!.targets.length)
  for (const { targets } of artifacts) {
    for (let w = 0; w < steps.length; w++) {
      steps[w]! |= targets[w]! ^ ((targets[w]! << 1) | (w === 0 ? 0 : targets[w - 1]! >>> 31))
    }
  }
  return steps
}

/** Somewhere behind `from` up to `to`; both ends are indices in the fleet. */
const isStep = (steps: Uint32Array, from: number, to: number): boolean => {
  for (let i = from + 1; i <= to; i++) if ((steps[i >>> 5]! & (1 << (i & 31))) !== 0) return true
  return false
}

/** Runs of neighbours that a cluster gets, as indices: they are copied together. */
type Segments = ReadonlyArray<readonly [number, number]>

const segmentsOf = (artifacts: ReadonlyArray<Artifact>, cluster: number): Segments => {
  const segments: Array<readonly [number, number]> = []
  for (let i = 0; i < artifacts.length; i++) {
    if (!has(artifacts[i]!, cluster)) continue
    const from = i
    while (i + 1 < artifacts.length && has(artifacts[i + 1]!, cluster)) i++
    segments.push([from, i + 1])
  }
  return segments
}
