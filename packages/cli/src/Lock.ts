/**
 * The address lock beside the pipeline file: read before a run, written after a successful one only, and never by
 * halves. A service that left keeps its line, so that its address is not handed on, and nobody's lines are lost: what
 * others write meanwhile is read again right before.
 */
import { readFileSync } from "node:fs"
import { lockText, readLock } from "@coddiwomple/core/Addresses"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { hold } from "@coddiwomple/core/FileLock"
import type { Model, Service } from "@coddiwomple/core/Model"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as HashMap from "effect/HashMap"
import * as Schedule from "effect/Schedule"
import * as WholeFile from "./WholeFile.ts"

export class Lock {
  readonly path: string
  private readonly shown: string
  /** As it was read, with what we wrote since. */
  private known: ReadonlyMap<string, string>
  private readonly told = new Set<string>()

  private constructor(path: string, shown: string, pins: ReadonlyMap<string, string>) {
    this.path = path
    this.shown = shown
    this.known = pins
  }

  /** The lock; empty where there is no file yet; or what is wrong with it. `shown` as findings name it. */
  static open(path: string, shown: string): Lock | ReadonlyArray<Diagnostic.Diagnostic> {
    try {
      const pins = readLock(readFileSync(path, "utf8"), shown)
      return pins instanceof Map ? new Lock(path, shown, pins) : (pins as ReadonlyArray<Diagnostic.Diagnostic>)
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "ENOENT") return new Lock(path, shown, new Map())
      return [
        Diagnostic.error("CW003", `${shown} cannot be read: ${(cause as Error).message}`, { place: { file: shown } })
      ]
    }
  }

  get pins(): ReadonlyMap<string, string> {
    return this.known
  }

  /**
   * Writes down what a model assigned. The file counts as it is now: what others wrote into it since it was read stays,
   * and ours is added. Does nothing when the file already says so.
   */
  update(model: Model): Effect.Effect<ReadonlyArray<Diagnostic.Diagnostic>, never, FileSystem.FileSystem> {
    return Effect.gen({ self: this }, function* () {
      const needed = this.merged(model)
      if (!("pins" in needed)) return needed
      if (!needed.changed) return this.keep(needed)
      const fs = yield* FileSystem.FileSystem
      // Another cw needs it for a moment only.
      return yield* hold(fs, `${this.path}.lock`, this.shown).pipe(
        Effect.retry({
          while: (error) => error.diagnostics !== undefined,
          schedule: Schedule.spaced("50 millis"),
          times: 100
        }),
        Effect.map(() => this.write(model)),
        Effect.catch((error) => Effect.succeed([unwritable(this.path, error.message)])),
        Effect.scoped
      )
    })
  }

  private write(model: Model): ReadonlyArray<Diagnostic.Diagnostic> {
    const merged = this.merged(model)
    if (!("pins" in merged) || !merged.changed) return "pins" in merged ? this.keep(merged) : merged
    try {
      WholeFile.replace(this.path, lockText(merged.pins))
      return this.keep(merged)
    } catch (cause) {
      return [unwritable(this.path, (cause as Error).message)]
    }
  }

  private keep({ findings, ours }: Merged): ReadonlyArray<Diagnostic.Diagnostic> {
    this.known = new Map([...this.known, ...ours])
    const news = findings.filter((finding) => !this.told.has(finding.message))
    for (const { message } of news) this.told.add(message)
    return news
  }

  /** The file as it is now with what the model adds to it. */
  private merged(model: Model): Merged | ReadonlyArray<Diagnostic.Diagnostic> {
    const now = Lock.open(this.path, this.shown)
    if (!(now instanceof Lock)) return now
    const pins = new Map(now.known)
    const wanted: Array<Service> = []
    const ours = new Map<string, string>()
    const declared = new Map<string, string>()
    for (const service of HashMap.values(model.services)) {
      if (service.addressFrom === "range") wanted.push(service)
      else declared.set(service.address, service.identity)
    }
    // Whoever had it before declares another one now: it must not get it back.
    for (const [service, address] of pins) if ((declared.get(address) ?? service) !== service) pins.delete(service)
    const owner = new Map([...pins].map(([service, address]) => [address, service]))
    const findings: Array<Diagnostic.Diagnostic> = []
    for (const { address, identity } of wanted) {
      const theirs = pins.get(identity)
      if (theirs === address) {
        ours.set(identity, address)
        continue
      }
      const other = owner.get(address)
      if (theirs !== undefined && theirs !== this.known.get(identity))
        findings.push(changed(this.shown, identity, `${theirs}, and this run has given it ${address}`))
      else if (other !== undefined)
        findings.push(
          changed(this.shown, identity, `nothing: ${address}, which this run has given it, belongs to ${other}`)
        )
      else {
        ours.set(identity, address)
        pins.set(identity, address)
        owner.set(address, identity)
      }
    }
    const same =
      pins.size === now.known.size && [...pins].every(([service, address]) => now.known.get(service) === address)
    return { pins, ours, findings, changed: !same }
  }
}

interface Merged {
  readonly pins: ReadonlyMap<string, string>
  /** Those that the model gave, and the file has. */
  readonly ours: ReadonlyMap<string, string>
  readonly findings: ReadonlyArray<Diagnostic.Diagnostic>
  readonly changed: boolean
}

const changed = (shown: string, service: string, what: string): Diagnostic.Diagnostic =>
  Diagnostic.error("CW516", `${shown} was changed while cw ran: it gives ${service} ${what}`, {
    place: { file: shown },
    service
  })

const unwritable = (file: string, why: string): Diagnostic.Diagnostic =>
  Diagnostic.error("CW510", `the address lock cannot be written: ${why}`, {
    place: { file },
    help: "without it an address may move when a service is added; make the file writable, or set model.addresses.lock"
  })
