/**
 * Lines out of pieces of bytes. A line ends at byte 10 and nowhere else (JSON may hold U+2028 raw), and is decoded only
 * when it is complete, so that a character split between two pieces stays whole.
 */
import { Buffer } from "node:buffer"

export class LineTooLong extends Error {}

export class Lines {
  private rest = Buffer.alloc(0)
  private length = 0
  private readonly most: number

  /** `most`: bytes of the longest line that is accepted. */
  constructor(most = 64 * 1024 * 1024) {
    this.most = most
  }

  push(piece: Uint8Array, line: (text: string) => void): void {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
    let start = 0
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      if (this.length > 0) {
        this.keep(bytes.subarray(start, end))
        const text = this.rest.toString("utf8", 0, this.length)
        this.length = 0
        line(text)
      } else if (end > start) line(bytes.toString("utf8", start, end))
      start = end + 1
    }
    if (start < bytes.length) this.keep(bytes.subarray(start))
    else if (this.length === 0 && this.rest.length > 1024 * 1024) this.rest = Buffer.alloc(0)
  }

  /** Bytes of a line whose end has not come. */
  get pending(): number {
    return this.length
  }

  private keep(bytes: Buffer): void {
    const needed = this.length + bytes.length
    if (needed > this.most) throw new LineTooLong(`a line is longer than ${this.most} bytes`)
    if (needed > this.rest.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.rest.length * 2, 4096))
      this.rest.copy(larger, 0, 0, this.length)
      this.rest = larger
    }
    bytes.copy(this.rest, this.length)
    this.length = needed
  }
}
