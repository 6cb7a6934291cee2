/**
 * The address lock beside the pipeline file: read before a run, written after a successful one only, and never by
 * halves. A service that left keeps its line, so that its address is not handed on.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { lockText, readLock } from "@coddiwomple/core/Addresses"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { Model } from "@coddiwomple/core/Model"
import * as HashMap from "effect/HashMap"

export class Lock {
  readonly path: string
  private known: ReadonlyMap<string, string>

  private constructor(path: string, pins: ReadonlyMap<string, string>) {
    this.path = path
    this.known = pins
  }

  /** The lock; empty where there is no file yet; or what is wrong with it. `shown` as findings name it. */
  static open(path: string, shown: string): Lock | ReadonlyArray<Diagnostic.Diagnostic> {
    try {
      const pins = readLock(readFileSync(path, "utf8"), shown)
      return pins instanceof Map ? new Lock(path, pins) : (pins as ReadonlyArray<Diagnostic.Diagnostic>)
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "ENOENT") return new Lock(path, new Map())
      return [
        Diagnostic.error("CW003", `${shown} cannot be read: ${(cause as Error).message}`, { place: { file: shown } })
      ]
    }
  }

  get pins(): ReadonlyMap<string, string> {
    return this.known
  }

  /** Writes down what a model assigned. Does nothing when the file already says so. */
  update(model: Model): ReadonlyArray<Diagnostic.Diagnostic> {
    const pins = new Map(this.known)
    for (const service of HashMap.values(model.services)) {
      if (service.addressFrom === "range") pins.set(service.identity, service.address)
    }
    if (pins.size === this.known.size && [...pins].every(([service, address]) => this.known.get(service) === address))
      return []
    const temporary = `${this.path}.${process.pid}.tmp`
    try {
      writeFileSync(temporary, lockText(pins))
      renameSync(temporary, this.path)
      this.known = pins
      return []
    } catch (cause) {
      rmSync(temporary, { force: true })
      return [
        Diagnostic.error("CW510", `the address lock cannot be written: ${(cause as Error).message}`, {
          place: { file: this.path },
          help: "without it an address may move when a service is added; make the file writable, or set model.addresses.lock"
        })
      ]
    }
  }
}
