/** A host that keeps what is written to standard output. */
import { Host } from "@coddiwomple/core/Host"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

export interface FakeHost {
  readonly service: Host["Service"]
  readonly layer: Layer.Layer<Host>
  /** All that was written so far, as UTF-8. */
  readonly text: () => string
  /** One element a write. */
  readonly chunks: ReadonlyArray<Uint8Array>
  readonly clear: () => void
}

export const make = (options: Partial<Host["Service"]> = {}): FakeHost => {
  const chunks: Array<Uint8Array> = []
  const service: Host["Service"] = {
    directory: options.directory ?? "/nowhere",
    home: options.home,
    pipeline: options.pipeline ?? "test",
    finite: options.finite ?? true,
    cacheDirectory: options.cacheDirectory,
    stdout: options.stdout ?? ((bytes) => Effect.sync(() => void chunks.push(bytes.slice())))
  }
  return {
    service,
    layer: Layer.succeed(Host, service),
    text: () => Buffer.concat(chunks).toString("utf8"),
    chunks,
    clear: () => {
      chunks.length = 0
    }
  }
}
