/**
 * One file: its objects, with facts that stay the same objects as long as their text does, wherever it moves in the file.
 * Positions are computed when somebody asks.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { identity, type Origin } from "@coddiwomple/core/Fact"
import { type Naming, type ServiceObject, serviceFacts, type Spoken } from "@coddiwomple/kubernetes/ServiceFacts"
import { type Bad, locate, type Problem, read, rendered } from "./Objects.ts"
import { cut, type Piece } from "./Pieces.ts"

export interface Rules {
  readonly naming: Naming
  /** Namespace of objects that name none. */
  readonly namespace: string
  readonly counts: (service: ServiceObject) => boolean
}

/** What one object says. */
export interface Entry extends Spoken {
  readonly service: string
  readonly place: () => Diagnostic.Place
}

interface Parsed {
  readonly spot: Spot
  readonly entries: ReadonlyArray<Entry>
  readonly object: boolean
}

/** Where a piece stands now. */
class Spot {
  file: File
  piece: Piece
  constructor(file: File, piece: Piece) {
    this.file = file
    this.piece = piece
  }
  at(path: ReadonlyArray<string | number>): Diagnostic.Place {
    const { end, offset } = locate(this.piece, path)
    return placeOf(this.file, this.piece.at + offset, this.piece.at + end)
  }
}

class File {
  readonly shown: string
  readonly text: string
  private starts: Array<number> | undefined

  constructor(shown: string, text: string) {
    this.shown = shown
    this.text = text
  }

  /** Counted once, and only when somebody asks for a place. */
  line(offset: number): number {
    if (this.starts === undefined) {
      this.starts = [0]
      for (let i = this.text.indexOf("\n"); i >= 0; i = this.text.indexOf("\n", i + 1)) this.starts.push(i + 1)
    }
    let [low, high] = [0, this.starts.length]
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if (this.starts[middle]! <= offset) low = middle
      else high = middle
    }
    return low + 1
  }
}

export class Manifest {
  private readonly shown: string
  private readonly rules: Rules
  private text: string | undefined
  private parsed: ReadonlyMap<string, ReadonlyArray<Parsed>> = new Map()
  entries: ReadonlyArray<Entry> = []

  constructor(shown: string, rules: Rules) {
    this.shown = shown
    this.rules = rules
  }

  /** Takes a text, or says why it cannot be read; then everything stays as it was. */
  take(text: string): ReadonlyArray<Diagnostic.Diagnostic> {
    if (text === this.text) return []
    const file = new File(this.shown, text)
    const before = new Map([...this.parsed].map(([key, list]) => [key, [...list]]))
    const now = new Map<string, Array<Parsed>>()
    const moved: Array<() => void> = []
    const entries: Array<Entry> = []
    const broken: Array<Diagnostic.Diagnostic> = []
    if (text.includes("\0")) return [this.strange("holds zero bytes: it was not written to its end")]
    const all = cut(text)
    let object = all.object
    const end = text.trimEnd().length
    for (const piece of all.pieces) {
      const known = before.get(piece.text)?.shift()
      let parsed = known
      if (known !== undefined) {
        moved.push(() => {
          known.spot.file = file
          known.spot.piece = piece
        })
      } else {
        const spot = new Spot(file, piece)
        const said = read(piece)
        const { bad, found } = said
        const last = piece.at + piece.text.length >= end
        const fault = said.broken ?? (last ? cutOff(bad) : undefined)
        if (fault !== undefined) {
          broken.push(this.fault(file, piece, fault))
          continue
        }
        parsed = {
          spot,
          object: said.object,
          entries: [
            ...found.flatMap(({ path, service }) => this.speak(spot, path, service)),
            ...bad.map((problem) => this.refuse(file, piece, problem))
          ]
        }
      }
      const list = now.get(piece.text)
      if (list === undefined) now.set(piece.text, [parsed!])
      else list.push(parsed!)
      object ||= parsed!.object
      for (const entry of parsed!.entries) entries.push(entry)
    }
    if (!object && broken.length === 0)
      broken.push(this.strange(end === 0 ? "is empty" : "holds no Kubernetes object: nothing has apiVersion and kind"))
    if (broken.length > 0) return broken
    for (const move of moved) move()
    this.text = text
    this.parsed = now
    this.entries = entries
    return []
  }

  private speak(spot: Spot, path: ReadonlyArray<string | number>, object: ServiceObject): ReadonlyArray<Entry> {
    const { counts, namespace, naming } = this.rules
    const { metadata } = object
    const placed: ServiceObject = {
      ...object,
      metadata: {
        name: metadata.name,
        namespace: metadata.namespace ?? namespace,
        // YAML's null is as good as nothing.
        labels: metadata.labels ?? {},
        annotations: metadata.annotations ?? {}
      }
    }
    if (!counts(placed)) return []
    const origin: Origin = {
      label: this.shown,
      object: {
        apiVersion: "v1",
        kind: "Service",
        namespace: placed.metadata.namespace!,
        name: metadata.name,
        cluster: naming.cluster
      },
      place: (field = []) => spot.at([...path, ...fieldPath(field)])
    }
    const spoken = serviceFacts(placed, naming, origin)
    return [
      {
        ...spoken,
        service: identity(metadata.name, placed.metadata.namespace),
        place: () => spot.at([...path, "metadata", "name"])
      }
    ]
  }

  /** The file as a whole is not what a renderer writes. */
  private strange(message: string): Diagnostic.Diagnostic {
    return Diagnostic.error("CW006", `${this.shown} ${message}`, { place: { file: this.shown }, help: rendered })
  }

  private refuse(file: File, piece: Piece, problem: Bad): Entry {
    const service =
      problem.name === undefined ? undefined : identity(problem.name, problem.namespace ?? this.rules.namespace)
    const place = placeOf(file, piece.at + problem.offset, piece.at + problem.end)
    const message = `Service ${service ?? "without a name"} in ${this.rules.naming.cluster}: ${problem.message}`
    const diagnostics = [Diagnostic.error("CW401", message, { place, service })]
    const facts: ReadonlyArray<never> = []
    return {
      facts,
      bad: [{ ...(service === undefined ? {} : { service }), diagnostics }],
      diagnostics: [],
      service: service ?? "",
      place: () => place
    }
  }

  private fault(file: File, piece: Piece, { end, help, message, offset }: Problem): Diagnostic.Diagnostic {
    return Diagnostic.error("CW001", message, { place: placeOf(file, piece.at + offset, piece.at + end), help })
  }
}

/** A last object without a spec: what stood behind it may be missing as well. */
const cutOff = (bad: ReadonlyArray<Bad>): Problem | undefined => {
  const found = bad.find((problem) => problem.cut)
  return found && { ...found, message: `${found.message}: the rest of the file seems to be missing`, help: rendered }
}

/** Fields of a fact as the object names them. */
const fieldPath = ([field, ...rest]: ReadonlyArray<string | number>): ReadonlyArray<string | number> =>
  field === "ports"
    ? ["spec", "ports", ...rest]
    : field === "address" || field === "traffic"
      ? ["metadata", "annotations", `coddiwomple.io/${field}`]
      : ["metadata", "name"]

const placeOf = (file: File, offset: number, end: number): Diagnostic.Place => {
  const { shown, text } = file
  const at = Math.min(offset, text.length)
  const start = text.lastIndexOf("\n", at - 1) + 1
  const stop = text.indexOf("\n", at)
  const source = text.slice(start, stop < 0 ? text.length : stop).replace(/\r$/, "")
  const col = at - start + 1
  return {
    file: shown,
    line: file.line(at),
    col,
    endCol: Math.max(col + 1, Math.min(end - start + 1, source.length + 1)),
    source
  }
}
