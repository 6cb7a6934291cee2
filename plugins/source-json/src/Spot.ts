/**
 * Where an entry stands in its file now. Facts hold the spot instead of a position, so that a fact that did not change
 * keeps its identity when lines above it come and go, and still points at the right line.
 */
import type { Place } from "@coddiwomple/core/Diagnostic"
import type { Origin } from "@coddiwomple/core/Fact"
import type { JsonText, Path } from "./JsonText.ts"

export class Spot {
  readonly label: string
  private text: JsonText | undefined
  private index = 0

  constructor(label: string) {
    this.label = label
  }

  move(text: JsonText, index: number): void {
    this.text = text
    this.index = index
  }

  place(path: Path, at: "key" | "value"): Place | undefined {
    return this.text?.place(this.index, path, at)
  }
}

/** Origin of a fact in the entry, or of the backend in one cluster. One small object for each of many facts. */
export class SpotOrigin implements Origin {
  private readonly spot: Spot
  private readonly cluster: string | undefined

  constructor(spot: Spot, cluster?: string) {
    this.spot = spot
    this.cluster = cluster
  }

  get label(): string {
    return this.spot.label
  }

  place(field: Path = []): Place | undefined {
    const base = this.cluster === undefined ? [] : ["backends", this.cluster]
    return this.spot.place([...base, ...this.renamed(field)], field.length === 0 ? "key" : "value")
  }

  /** Where the fact names a field in another way than the file. */
  protected renamed(field: Path): Path {
    return field
  }
}
