/**
 * A generation as bytes, in stream order: service, cluster, then as emitted. Each body is encoded once per service and
 * copied once per cluster, inside one piece of memory that is used again and again: memory does not grow with the output.
 */
import type { Artifact } from "@coddiwomple/core/Artifact"
import type { Desired } from "@coddiwomple/core/Desired"
import type { Fleet } from "@coddiwomple/core/Model"

/** Size of the pieces that are handed out. */
export const chunkSize = 1 << 20

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
  /** The first `chunkSize` bytes are the next piece, behind them lie the encoded texts of the current group. */
  private arena = new Uint8Array(chunkSize * 2)
  private fill = 0
  private end = chunkSize

  constructor(format: Format) {
    this.format = format
  }

  /** Each piece is valid until the next one is asked for. */
  *print(desired: Desired, { clusters, groups }: Selection): Generator<Uint8Array, void> {
    const banners = this.banners(desired.model.fleet, clusters)
    this.fill = 0
    for (const name of groups) {
      const artifacts = desired.group(name).filter((artifact) => artifact.form === "object")
      this.end = chunkSize
      const header = this.format.group?.(name)
      const start = this.encode(header ?? "")
      let pending = this.end > start
      const bounds = new Float64Array(artifacts.length + 1)
      bounds[0] = this.end
      for (let i = 0; i < artifacts.length; i++) {
        this.encode(this.format.document(artifacts[i]!))
        bounds[i + 1] = this.end
      }
      for (const cluster of clusters) {
        const word = cluster >>> 5
        const bit = 1 << (cluster & 31)
        let banner = banners?.get(cluster)
        for (let i = 0; i < artifacts.length; i++) {
          if ((artifacts[i]!.targets[word]! & bit) === 0) continue
          if (pending) yield* this.copy(start, bounds[0]!)
          pending = false
          if (banner !== undefined) yield* this.bytes(banner)
          banner = undefined
          // Neighbours are copied together.
          const from = i
          while (i + 1 < artifacts.length && (artifacts[i + 1]!.targets[word]! & bit) !== 0) i++
          const [a, b] = [bounds[from]!, bounds[i + 1]!]
          if (this.fill + b - a <= chunkSize) {
            this.arena.copyWithin(this.fill, a, b)
            this.fill += b - a
          } else yield* this.copy(a, b)
        }
      }
    }
    if (this.fill > 0) yield this.arena.subarray(0, this.fill)
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
    this.fill = 0
    return this.arena.subarray(0, chunkSize)
  }
}
