/**
 * JSON read strictly, for places only: where every value and key stands, or where the syntax breaks first.
 * It runs after a failure or for one entry of a file; good files are read by JSON.parse.
 */

/** Offsets are UTF-16 units from the start of the text; `end` is behind the last one. */
export interface Node {
  readonly start: number
  readonly end: number
  readonly members?: ReadonlyArray<Member>
  readonly items?: ReadonlyArray<Node>
}

export interface Member {
  readonly key: string
  readonly start: number
  readonly end: number
  readonly value: Node
}

/** The first thing that is not JSON. `opened` is the bracket that is never closed. */
export class Fault {
  readonly code: "CW002" | "CW005"
  readonly message: string
  readonly offset: number
  readonly opened: number | undefined

  constructor(code: "CW002" | "CW005", message: string, offset: number, opened?: number) {
    this.code = code
    this.message = message
    this.offset = offset
    this.opened = opened
  }
}

export const maximumDepth = 64

/** The value that starts at an offset, with the places of everything in it. */
export const parse = (text: string, offset: number): Node | Fault => {
  try {
    return new Reader(text, offset, true).value(1)
  } catch (fault) {
    if (fault instanceof Fault) return fault
    throw fault
  }
}

/** Checks a whole text; undefined where it is one JSON value and nothing else. */
export const check = (text: string): Fault | undefined => {
  try {
    new Reader(text, 0, false).document()
    return undefined
  } catch (fault) {
    if (fault instanceof Fault) return fault
    throw fault
  }
}

const blank = /[ \t\n\r]*/y
const scalar = /true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
const escape = /^\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/
const word = /[^\s,:"'[\]{}]{1,30}/y
class Reader {
  private readonly text: string
  private readonly keep: boolean
  private i: number

  constructor(text: string, offset: number, keep: boolean) {
    this.text = text
    this.i = offset
    this.keep = keep
  }

  document(): void {
    this.skip()
    if (this.i === this.text.length) throw new Fault("CW002", "the file is empty", 0)
    this.value(1)
    this.skip()
    if (this.i < this.text.length) throw new Fault("CW002", `${this.seen()} after the end of the value`, this.i)
  }

  value(depth: number): Node {
    this.skip()
    const start = this.i
    if (depth > maximumDepth) throw new Fault("CW005", `nested deeper than ${maximumDepth} levels`, start)
    switch (this.text[start]) {
      case "{":
        return this.object(start, depth)
      case "[":
        return this.array(start, depth)
      case '"':
        this.string()
        return { start, end: this.i }
      default:
        if (!this.match(scalar) || this.at(word)) {
          this.i = start
          throw this.unexpected("a value", start)
        }
        return { start, end: this.i }
    }
  }

  private object(start: number, depth: number): Node {
    const members: Array<Member> = []
    this.i++
    this.skip()
    if (this.text[this.i] === "}") return { start, end: ++this.i, members }
    for (;;) {
      this.skip()
      const keyStart = this.i
      if (this.text[keyStart] !== '"') throw this.unexpected("a key in double quotes", keyStart, start)
      const key = this.string()
      const keyEnd = this.i
      this.skip()
      if (this.text[this.i] !== ":") throw this.unexpected('":"', this.i, start)
      this.i++
      const value = this.value(depth + 1)
      if (this.keep) members.push({ key, start: keyStart, end: keyEnd, value })
      if (this.close("}", start)) return { start, end: this.i, members }
    }
  }

  private array(start: number, depth: number): Node {
    const items: Array<Node> = []
    this.i++
    this.skip()
    if (this.text[this.i] === "]") return { start, end: ++this.i, items }
    for (;;) {
      const item = this.value(depth + 1)
      if (this.keep) items.push(item)
      if (this.close("]", start)) return { start, end: this.i, items }
    }
  }

  /** Behind a member or an item: true at the bracket, false behind a comma. */
  private close(bracket: string, opened: number): boolean {
    this.skip()
    const c = this.text[this.i]
    if (c !== bracket && c !== ",") throw this.unexpected(`"," or "${bracket}"`, this.i, opened)
    const comma = this.i++
    if (c === bracket) return true
    this.skip()
    if (this.text[this.i] === bracket) throw new Fault("CW002", `a comma before "${bracket}"`, comma)
    return false
  }

  private string(): string {
    const start = this.i
    for (let i = start + 1; i < this.text.length; i++) {
      const c = this.text[i]!
      if (c === '"') {
        this.i = i + 1
        return JSON.parse(this.text.slice(start, this.i)) as string
      }
      if (c === "\n" || c === "\r") throw new Fault("CW002", "a string that is not closed on its line", start)
      if (c < " ") throw new Fault("CW002", "a control character in a string; write it as \\u00XX", i)
      if (c !== "\\") continue
      if (!escape.test(this.text.slice(i, i + 6))) {
        throw new Fault("CW002", 'an escape that JSON does not know; write a backslash as "\\\\"', i)
      }
      i++
    }
    throw new Fault("CW002", "a string that is never closed", start)
  }

  private unexpected(wanted: string, offset: number, opened?: number): Fault {
    if (offset >= this.text.length) {
      return new Fault(
        "CW002",
        `the file ends too early: expected ${wanted}`,
        Math.max(0, this.text.trimEnd().length - 1),
        opened
      )
    }
    return new Fault("CW002", `expected ${wanted}, found ${this.seen()}`, offset)
  }

  private seen(): string {
    const rest = this.text.slice(this.i, this.i + 2)
    if (rest === "//" || rest === "/*" || rest[0] === "#") return "a comment, which JSON does not have"
    if (rest[0] === "'") return "a single quote; JSON has double quotes only"
    word.lastIndex = this.i
    const found = word.exec(this.text)
    return JSON.stringify(found === null ? (rest[0] ?? "") : found[0])
  }

  private skip(): void {
    this.match(blank)
  }

  private match(pattern: RegExp): boolean {
    pattern.lastIndex = this.i
    if (!pattern.test(this.text)) return false
    this.i = pattern.lastIndex
    return true
  }

  private at(pattern: RegExp): boolean {
    pattern.lastIndex = this.i
    return pattern.test(this.text)
  }
}
