/** Draws the visible part of the matrix on a canvas: sprites per state, made again when theme or resolution change. */
import { code, states } from "../Cells.ts"
import type { Cluster } from "../Contract.ts"
import type { Matrix } from "../Matrix.ts"
import { between, type Columns } from "./columns.ts"

interface Palette {
  readonly colors: Readonly<Record<string, string>>
  readonly sprites: ReadonlyArray<HTMLCanvasElement>
  readonly stale: HTMLCanvasElement
  readonly hatch: CanvasPattern | null
  readonly key: string
}

const names = [
  "st-ok",
  "st-differs",
  "st-create",
  "st-delete",
  "st-error",
  "st-unknown",
  "on-error",
  "hatch",
  "line",
  "text",
  "text-3",
  "cross",
  "selected",
  "hover",
  "accent",
  "surface"
]

/** `light-dark()` stays unresolved in custom properties, so an element is asked. */
const resolve = (): Record<string, string> => {
  const probe = document.createElement("i")
  probe.className = "probe"
  document.body.append(probe)
  const out: Record<string, string> = {}
  for (const name of names) {
    probe.style.color = `var(--${name})`
    out[name] = getComputedStyle(probe).color
  }
  probe.remove()
  return out
}

const sprite = (ratio: number, draw: (g: CanvasRenderingContext2D) => void): HTMLCanvasElement => {
  const canvas = document.createElement("canvas")
  canvas.width = canvas.height = 12 * ratio
  const g = canvas.getContext("2d")!
  g.scale(ratio, ratio)
  draw(g)
  return canvas
}

const disc = (g: CanvasRenderingContext2D, r: number): void => {
  g.beginPath()
  g.arc(6, 6, r, 0, 7)
}

const draws: Readonly<Record<string, (g: CanvasRenderingContext2D, c: Record<string, string>) => void>> = {
  ok: (g, c) => {
    g.fillStyle = c["st-ok"]!
    disc(g, 2.75)
    g.fill()
  },
  runs: (g, c) => {
    g.fillStyle = c["text-3"]!
    g.beginPath()
    g.moveTo(6, 2.5)
    g.lineTo(9.5, 6)
    g.lineTo(6, 9.5)
    g.lineTo(2.5, 6)
    g.fill()
  },
  differs: (g, c) => {
    g.strokeStyle = g.fillStyle = c["st-differs"]!
    g.lineWidth = 1.5
    disc(g, 4.25)
    g.stroke()
    g.beginPath()
    g.arc(6, 6, 4.25, Math.PI / 2, (Math.PI * 3) / 2)
    g.fill()
  },
  create: (g, c) => {
    g.fillStyle = c["st-create"]!
    g.fillRect(1, 5, 10, 2)
    g.fillRect(5, 1, 2, 10)
  },
  delete: (g, c) => {
    g.fillStyle = c["st-delete"]!
    g.fillRect(1, 5, 10, 2)
  },
  error: (g, c) => {
    g.fillStyle = c["st-error"]!
    g.beginPath()
    g.roundRect(0.5, 0.5, 11, 11, 2)
    g.fill()
    g.fillStyle = c["on-error"]!
    g.fillRect(5.25, 2.75, 1.5, 4)
    g.fillRect(5.25, 7.75, 1.5, 1.5)
  },
  held: (g, c) => {
    g.fillStyle = c["st-differs"]!
    g.fillRect(3, 2, 2, 8)
    g.fillRect(7, 2, 2, 8)
  },
  unknown: (g, c) => {
    g.strokeStyle = c["st-unknown"]!
    g.lineWidth = 1.4
    g.stroke(new Path2D("M3.7 4.2a2.3 2.3 0 1 1 3.4 2c-.7.4-1.1.8-1.1 1.6M6 9.2v1.3"))
  },
  none: () => {}
}

let palette: Palette | undefined

const paletteOf = (g: CanvasRenderingContext2D, ratio: number, theme: string): Palette => {
  const key = `${ratio} ${theme}`
  if (palette?.key === key) return palette
  const colors = resolve()
  const tile = document.createElement("canvas")
  tile.width = tile.height = 6 * ratio
  const t = tile.getContext("2d")!
  t.scale(ratio, ratio)
  t.strokeStyle = colors.hatch!
  t.lineWidth = 1
  t.beginPath()
  for (const at of [-6, 0, 6]) {
    t.moveTo(at, 6)
    t.lineTo(at + 6, 0)
  }
  t.stroke()
  const hatch = g.createPattern(tile, "repeat")
  hatch?.setTransform(new DOMMatrix().scale(1 / ratio))
  palette = {
    key,
    colors,
    sprites: states.map((state) => sprite(ratio, (s) => draws[state]!(s, colors))),
    stale: sprite(ratio, (s) => {
      s.strokeStyle = colors["st-unknown"]!
      s.lineWidth = 1.25
      disc(s, 2.6)
      s.stroke()
    }),
    hatch
  }
  return palette
}

export interface Scene {
  readonly matrix: Matrix
  readonly view: Uint32Array
  readonly columns: Columns
  readonly clusters: ReadonlyArray<Cluster>
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
  readonly rowHeight: number
  /** Position in the view and in the columns. */
  readonly cursor: { readonly row: number; readonly column: number } | undefined
  readonly focused: boolean
  readonly theme: string
}

export const paint = (canvas: HTMLCanvasElement, scene: Scene): void => {
  const { clusters, columns, cursor, height, left, matrix, rowHeight, top, view, width } = scene
  const ratio = devicePixelRatio || 1
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)]
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w
    canvas.height = h
  }
  const g = canvas.getContext("2d")!
  const { colors, hatch, sprites, stale } = paletteOf(g, ratio, scene.theme)
  g.setTransform(ratio, 0, 0, ratio, 0, 0)
  g.fillStyle = colors.surface!
  g.fillRect(0, 0, width, height)
  const [first, last] = between(columns, left, left + width)
  const from = Math.max(0, Math.floor(top / rowHeight))
  const to = Math.min(view.length, Math.ceil((top + height) / rowHeight))
  const bottom = Math.min(height, view.length * rowHeight - top)
  const lost: Array<boolean> = []
  for (let c = first; c < last; c++) {
    const column = columns.columns[c]!
    const state = column.collapsed ? "declared" : clusters[column.indices[0]!]?.state
    const gone = state === "stale" || state === "unreached"
    lost.push(gone)
    const x = column.x - left
    if (cursor?.column === c) {
      g.fillStyle = colors.cross!
      g.fillRect(x, 0, column.width, bottom)
    }
    if (gone && hatch !== null) {
      g.fillStyle = hatch
      g.fillRect(x, 0, column.width, bottom)
    }
  }
  if (cursor !== undefined && cursor.row >= from && cursor.row < to) {
    g.fillStyle = colors.selected!
    g.fillRect(0, cursor.row * rowHeight - top, width, rowHeight)
  }
  g.fillStyle = colors.line!
  for (const group of columns.groups.slice(1)) {
    const x = Math.round(group.x - 4 - left)
    if (x >= 0 && x < width) g.fillRect(x, 0, 1, bottom)
  }
  const now = Date.now()
  const { recent } = matrix
  for (let r = from; r < to; r++) {
    const at = view[r]!
    const y = Math.round(r * rowHeight - top + (rowHeight - 12) / 2)
    for (let c = first; c < last; c++) {
      const column = columns.columns[c]!
      const x = Math.round(column.x - left + (column.width - 12) / 2)
      if (column.collapsed) {
        summary(g, matrix, at, column.indices, sprites, x - 7, y, colors)
        continue
      }
      const index = column.indices[0]!
      const byte = matrix.cell(at, index)
      if (byte === code.none) continue
      g.drawImage(lost[c - first] === true && byte !== code.unknown ? stale : sprites[byte]!, x, y, 12, 12)
      if (recent.size > 0) {
        const changed = recent.get(at * matrix.width + index)
        if (changed !== undefined && now - changed < 10_000) {
          g.fillStyle = colors.text!
          g.beginPath()
          g.arc(x + 13, y - 1, 1.75, 0, 7)
          g.fill()
        }
      }
    }
  }
  if (cursor !== undefined && cursor.row >= from && cursor.row < to && cursor.column >= first && cursor.column < last) {
    const column = columns.columns[cursor.column]!
    g.strokeStyle = colors.accent!
    g.lineWidth = 2
    g.beginPath()
    g.roundRect(column.x - left + 1, cursor.row * rowHeight - top + 1, column.width - 2, rowHeight - 2, 3)
    g.stroke()
  }
}

/** A collapsed group: its worst state and how many cells are not quiet. */
const summary = (
  g: CanvasRenderingContext2D,
  matrix: Matrix,
  at: number,
  indices: ReadonlyArray<number>,
  sprites: ReadonlyArray<HTMLCanvasElement>,
  x: number,
  y: number,
  colors: Readonly<Record<string, string>>
): void => {
  let worst = code.none
  let loud = 0
  for (const i of indices) {
    const byte = matrix.cell(at, i)
    if (byte < worst) worst = byte
    if (byte < code.ok) loud++
  }
  if (worst === code.none) return
  g.drawImage(sprites[worst]!, loud === 0 ? x + 7 : x, y, 12, 12)
  if (loud === 0) return
  g.fillStyle = colors["text-3"]!
  g.font = "11px ui-monospace, monospace"
  g.textBaseline = "middle"
  g.fillText(String(loud), x + 16, y + 6.5)
}
