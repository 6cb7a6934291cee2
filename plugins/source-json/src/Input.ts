/**
 * One configured file with what it said last. A file that does not parse may be half written: in a watched run it is
 * looked at a few more times before it is called stale.
 */
import type * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { SourceEvent } from "@coddiwomple/core/Fact"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as InputFile from "./InputFile.ts"
import type { Partition } from "./Partition.ts"

export type Reading = Result.Result<ReadonlyArray<SourceEvent>, ReadonlyArray<Diagnostic.Diagnostic>>

/** Pauses before a broken file is looked at again, in milliseconds. */
const pauses = [50, 100, 200, 400]

/** A write within this time after the last look may carry the time stamp of the write before it. */
const grain = 1000

export class Input {
  readonly file: InputFile.InputFile
  readonly partition: Partition
  private readonly disk: InputFile.Disk
  private seen: string | undefined
  private attempts = 0

  constructor(disk: InputFile.Disk, file: InputFile.InputFile, partition: Partition) {
    this.disk = disk
    this.file = file
    this.partition = partition
  }

  /** Reads the file as it is; fails with what is wrong with it. */
  get open(): Effect.Effect<Reading> {
    return Effect.result(
      Effect.gen({ self: this }, function* () {
        const now = yield* Clock.currentTimeMillis
        const stamp = yield* InputFile.stamp(this.disk, this.file)
        const settled = this.attempts === 0 || this.attempts > pauses.length
        if (settled && stamp.id === this.seen) return []
        this.seen = undefined
        const text = yield* InputFile.text(this.disk, this.file)
        const events = yield* Effect.fromResult(this.partition.take(text))
        if (now - stamp.modified > grain) this.seen = stamp.id
        return events
      })
    )
  }

  /** Events since the last look. Never fails: what cannot be read is stale. */
  get again(): Effect.Effect<ReadonlyArray<SourceEvent>> {
    return Effect.gen({ self: this }, function* () {
      const reading = yield* this.open
      if (Result.isSuccess(reading)) {
        this.attempts = 0
        return reading.success
      }
      if (this.attempts <= pauses.length) this.attempts++
      return this.attempts > pauses.length ? this.partition.lose(reading.failure, yield* Clock.currentTimeMillis) : []
    })
  }

  /** Milliseconds until a broken file should be looked at again; undefined where there is no hurry. */
  get pause(): number | undefined {
    return this.attempts === 0 ? undefined : pauses[this.attempts - 1]
  }
}
