/**
 * A file of a cache, with a checksum in front: written as a whole or not at all, readable for its owner alone. One that is
 * missing, torn or not ours reads as nothing, and one that cannot be written is left as it was: a cache is a convenience.
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import { digest } from "./Digest.ts"

export class CheckedFile {
  private readonly fs: FileSystem.FileSystem
  private readonly file: string
  /** Checksum of what the file holds; undefined where that is not known. */
  private sum: string | undefined

  /** The folder must be there when it is written. */
  constructor(fs: FileSystem.FileSystem, file: string) {
    this.fs = fs
    this.file = file
  }

  /** It was read, or written, and is whole. */
  get known(): boolean {
    return this.sum !== undefined
  }

  /** What was saved last. */
  load(): Effect.Effect<string | undefined> {
    return Effect.map(Effect.option(this.fs.readFileString(this.file)), (read) => {
      const text = read._tag === "None" ? "" : read.value
      const end = text.indexOf("\n")
      const body = text.slice(end + 1)
      if (end < 0 || text.slice(0, end) !== digest(body)) return undefined
      this.sum = text.slice(0, end)
      return body
    })
  }

  /** Nothing is written where the file holds it already. */
  save(body: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      const sum = digest(body)
      if (sum === this.sum) return Effect.void
      const temporary = `${this.file}.${globalThis.crypto.randomUUID().slice(0, 8)}`
      return this.fs.writeFileString(temporary, `${sum}\n${body}`, { mode: 0o600 }).pipe(
        Effect.andThen(this.fs.rename(temporary, this.file)),
        Effect.tap(() => Effect.sync(() => void (this.sum = sum))),
        Effect.onError(() => Effect.ignore(this.fs.remove(temporary, { force: true }))),
        Effect.ignore
      )
    })
  }
}
