/**
 * What a law is given: a plugin, a configuration, and the world around it. The world belongs to the caller: laws bring
 * it into a state, look at it, and never guess how a target is read.
 */
import type { Artifact } from "@coddiwomple/core/Artifact"
import type { Desired } from "@coddiwomple/core/Desired"
import type { Fact } from "@coddiwomple/core/Fact"
import type { Host } from "@coddiwomple/core/Host"
import type { Model } from "@coddiwomple/core/Model"
import type { AnyPlugin } from "@coddiwomple/core/Plugin"
import type { Eventually } from "@coddiwomple/core/PluginError"
import type { SinkPlugin } from "@coddiwomple/core/Sink"
import type { SourcePlugin } from "@coddiwomple/core/Source"
import type { TransformPlugin } from "@coddiwomple/core/Transform"
import type * as FileSystem from "effect/FileSystem"
import type * as Layer from "effect/Layer"
import type * as Path from "effect/Path"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import type { LawName } from "./Law.ts"
import type { Steps } from "./Steps.ts"

/** Files, paths and processes, as `NodeServices.layer` of @effect/platform-node gives them. */
export type Platform = Layer.Layer<FileSystem.FileSystem | Path.Path | ChildProcessSpawner>

export interface ConfigSubject<P extends AnyPlugin = AnyPlugin> {
  readonly plugin: P
  /** A configuration as in YAML; the first example of the plugin where absent. */
  readonly config?: unknown
  /** Configurations beyond the examples that both schema and decoder must accept. */
  readonly accepts?: ReadonlyArray<unknown>
  /** Configurations that both must refuse. */
  readonly rejects?: ReadonlyArray<unknown>
  /** Laws that do not apply, each with the reason. A law that cannot be judged is broken unless it stands here. */
  readonly without?: { readonly [K in LawName]?: string }
}

export interface Subject<P extends AnyPlugin> extends ConfigSubject<P> {
  /** Where absent, the plugin has neither files nor processes, and asking for them dies. */
  readonly platform?: Platform
  readonly host?: Partial<Host["Service"]>
}

/** What a target holds: a name for each thing in it, and a text that changes when the thing changes. */
export type Fingerprint = ReadonlyMap<string, string>

export interface World {
  /** For file-like worlds: becomes the host's directory. */
  readonly directory?: string
  /** Replaces members of the host, as its standard output. */
  readonly host?: Partial<Host["Service"]>
  /** Where writes pass that the law cannot see by itself: those that use neither files, processes nor standard output. */
  readonly steps?: Steps
  /** Back to nothing. */
  readonly reset: () => Eventually<void>
  readonly fingerprint: () => Eventually<Fingerprint>
  /**
   * Puts a thing of somebody else into the target: in the place of the thing with this name, or beside ours where no
   * name is given. Returns its name in the fingerprint, or undefined where that cannot be.
   */
  readonly foreign?: (at?: string) => Eventually<string | undefined>
  /** A new process begins; for worlds that end with their process, as standard output. */
  readonly restart?: () => Eventually<void>
}

/** How a fault must come out: as a failure to be tried again, as one for good, or inside a report or a plan. */
export type Class = "retryable" | "permanent" | "reported"

export interface Fault {
  readonly title: string
  readonly must: Class
  /** Index of the desired state that meets the fault; those before it are applied in peace. The first by default. */
  readonly at?: number
  /** Brings the fault about, and lifts it. */
  readonly arrange?: () => Eventually<void>
  readonly release?: () => Eventually<void>
  /** Replaces the platform while the fault lasts, as `FaultyFileSystem.over` does. */
  readonly platform?: (platform: Platform) => Platform
}

export interface SinkSubject extends Subject<SinkPlugin> {
  readonly world: World
  /** Applied in this order; the first must create something. `Given.story()` is a good one. */
  readonly desired: ReadonlyArray<Desired>
  /** For S5. */
  readonly faults?: ReadonlyArray<Fault>
  /** For S3: how many interruptions at most, spread over all there are; 150 by default. Lower it for slow worlds. */
  readonly interruptions?: number
}

export interface TransformSubject extends Subject<TransformPlugin> {
  /** Models, or facts that are folded into one; with facts, T1 also shuffles those. */
  readonly models: ReadonlyArray<Model | ReadonlyArray<Fact>>
  /** What stands upstream, for the shapes `artifact` and `set`. */
  readonly artifacts?: (model: Model) => ReadonlyArray<Artifact>
}

/** What a partition must say: keys of its facts, with the number of bad entries where there are some, or its state. */
export type Expected =
  | ReadonlyArray<string>
  | { readonly facts: ReadonlyArray<string>; readonly bad: number }
  | "stale"
  | "never-synced"

export interface SourceWorld {
  readonly title: string
  /** Brings the outside into this state. */
  readonly arrange: () => Eventually<void>
  /** By partition; `fails` where the stream must fail, `hangs` where the outside never answers. */
  readonly expect: Readonly<Record<string, Expected>> | "fails" | "hangs"
}

export interface Reconnect {
  /** The outside before: facts by partition. */
  readonly arrange: () => Eventually<void>
  readonly before: Readonly<Record<string, ReadonlyArray<string>>>
  /** Contact is lost. */
  readonly lose: () => Eventually<void>
  /** Meanwhile the outside changes: best, one thing comes and one goes. */
  readonly change?: () => Eventually<void>
  /** Contact is back. */
  readonly restore: () => Eventually<void>
  readonly after: Readonly<Record<string, ReadonlyArray<string>>>
  /** Milliseconds until `after` must be reached; 10 seconds by default. */
  readonly within?: number
}

export interface SourceSubject extends Subject<SourcePlugin> {
  readonly directory?: string
  readonly worlds: ReadonlyArray<SourceWorld>
  /** For R3. */
  readonly reconnect?: Reconnect
  /** For R2: connections, watches and the like that the plugin holds beyond files and processes, which are counted anyway. */
  readonly handles?: () => Eventually<number>
}
