/**
 * What a cluster said last, on disk, with its age: a restart during an outage does not forget the cluster. A cache that
 * is missing, damaged, of another version or of another server is no cache. Facts from it are stale and in doubt.
 */
import { CheckedFile } from "@coddiwomple/core/CheckedFile"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import { digest } from "@coddiwomple/core/Digest"
import { type BackendFact, type Fact, type ServiceFact, type SourceEvent, identity, key } from "@coddiwomple/core/Fact"
import { makeFolders } from "@coddiwomple/core/MakeFolders"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"
import { LiveOrigin, placeOf } from "./Words.ts"

export interface Disk {
  readonly fs: FileSystem.FileSystem
  readonly path: Path.Path
}

interface Stored {
  readonly version: 1
  readonly server: string
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly facts: ReadonlyArray<Omit<ServiceFact, "origin"> | Omit<BackendFact, "origin">>
}

export interface Cache {
  /** The cache of another server than this is none. */
  readonly load: (server: string | undefined) => Effect.Effect<Stored | undefined>
  /** Never fails: a cache is a convenience. */
  readonly save: (server: string, facts: ReadonlyArray<Fact>, now: number) => Effect.Effect<void>
}

export const none: Cache = { load: () => Effect.succeed(undefined), save: () => Effect.void }

const isStored = (value: unknown, server: string | undefined): value is Stored => {
  const stored = value as Partial<Stored> | null
  if (
    typeof stored !== "object" ||
    stored === null ||
    stored.version !== 1 ||
    (server !== undefined && stored.server !== server)
  )
    return false
  if (typeof stored.at !== "number" || !Array.isArray(stored.facts)) return false
  return stored.facts.every((f: Partial<Stored["facts"][number]> | null) =>
    f?.kind === "service"
      ? typeof f.name === "string" &&
        typeof f.namespace === "string" &&
        Array.isArray(f.prefixes) &&
        Array.isArray(f.ports)
      : f?.kind === "backend" &&
        typeof f.service === "string" &&
        typeof f.cluster === "string" &&
        typeof f.host === "string"
  )
}

/** `what` tells apart the caches of one pipeline: cluster and selection. */
export const make = ({ fs, path }: Disk, directory: string, what: string): Cache => {
  const folder = path.join(directory, "kubernetes")
  const file = new CheckedFile(fs, path.join(folder, digest(what).slice(0, 32)))
  return {
    load: (server) =>
      file.load().pipe(
        Effect.map((text = "null") => {
          const parsed: unknown = JSON.parse(text)
          return isStored(parsed, server) ? parsed : undefined
        }),
        Effect.catchCause(() => Effect.succeed(undefined))
      ),
    save: (server, facts, now) =>
      Effect.gen(function* () {
        const stored: Stored = {
          version: 1,
          server,
          at: now,
          facts: facts.flatMap((f) => (f.kind === "cluster" ? [] : [{ ...f, origin: undefined }]))
        }
        yield* makeFolders(fs, folder, 0o700)
        yield* file.save(JSON.stringify(stored))
      }).pipe(Effect.ignore)
  }
}

const ago = (ms: number): string => {
  const [n, unit] =
    ms < 90_000
      ? [ms / 1000, "s"]
      : ms < 5_400_000
        ? [ms / 60_000, "min"]
        : ms < 172_800_000
          ? [ms / 3_600_000, "h"]
          : [ms / 86_400_000, "days"]
  return `${Math.round(n)} ${unit}`
}

/** The facts of a cache as events. The entry without a service keeps the partition in doubt from its first moment. */
export const events = (
  partition: string,
  cluster: string,
  stored: Stored,
  now: number,
  reason: string,
  diagnostics: ReadonlyArray<Diagnostic.Diagnostic> = []
): ReadonlyArray<SourceEvent> => {
  const at = placeOf(cluster)
  const facts = stored.facts.map((f): Fact => {
    const id = f.kind === "service" ? identity(f.name, f.namespace) : f.service
    return { ...f, origin: new LiveOrigin(at, id) } as Fact
  })
  // Why is said once.
  const why = diagnostics.some((d) => d.message.includes(reason)) ? "" : `; ${reason}`
  const message = `cluster ${cluster}: its facts are those of ${ago(now - stored.at)} ago${why}`
  const unique = [...new Map(facts.map((f) => [key(f), f])).values()]
  return [
    { _tag: "Snapshot", partition, facts: unique, bad: [{ diagnostics: [Diagnostic.warning("CW406", message)] }] },
    { _tag: "Freshness", partition, state: "stale", since: stored.at, reason: message, diagnostics }
  ]
}
