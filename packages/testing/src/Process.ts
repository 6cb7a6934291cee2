/**
 * One run of one plugin, as the engine would start it: decoded configuration, a scope of its own, the closed set of
 * services. Its writes pass through `steps`, and what it holds is counted.
 */
import { Host } from "@coddiwomple/core/Host"
import { decodeOptions } from "@coddiwomple/core/Node"
import type { AnyPlugin } from "@coddiwomple/core/Plugin"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { ChildProcessSpawner, make as makeSpawner } from "effect/process/ChildProcessSpawner"
import * as FakeHost from "./FakeHost.ts"
import type { Steps } from "./Steps.ts"
import type { Platform, Subject } from "./Subject.ts"
import { isWrite, tap } from "./Tap.ts"

export interface ProcessOptions {
  readonly steps?: Steps
  readonly host?: Partial<Host["Service"]>
  readonly platform?: (platform: Platform) => Platform
  readonly held?: Held
}

/** What a process holds open through the platform. */
export interface Held {
  files: number
  watches: number
  children: number
}

export const nothingHeld = (): Held => ({ files: 0, watches: 0, children: 0 })

export const total = (held: Held): number => held.files + held.watches + held.children

/** The configuration of a subject, still encoded. */
export const configOf = (subject: { readonly plugin: AnyPlugin; readonly config?: unknown }): unknown =>
  subject.config ?? subject.plugin.examples?.[0]?.config ?? {}

/** The plugin's implementation; it lives as long as the scope. */
export const start = <I>(
  subject: Subject<AnyPlugin>,
  options: ProcessOptions = {}
): Effect.Effect<I, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const platform = (options.platform ?? ((p) => p))(subject.platform ?? noPlatform)
    // Fresh, so that no two processes share what a layer holds.
    const context = yield* Layer.build(Layer.fresh(seen(options).pipe(Layer.provideMerge(platform))))
    const { stdout, ...host } = FakeHost.make({ ...subject.host, ...options.host }).service
    const steps = options.steps
    const service: Host["Service"] = {
      ...host,
      stdout: (bytes) =>
        steps === undefined
          ? stdout(bytes)
          : steps.effect("standard output", stdout(bytes), stdout(bytes.subarray(0, bytes.length >>> 1)))
    }
    const schema = subject.plugin.config as Schema.ConstraintCodec<unknown, unknown>
    const config = yield* Schema.decodeUnknownEffect(schema, decodeOptions)(configOf(subject))
    const made = subject.plugin.make(config) as Effect.Effect<
      I,
      unknown,
      FileSystem.FileSystem | Path.Path | ChildProcessSpawner | Host | Scope.Scope
    >
    return yield* made.pipe(Effect.provideService(Host, service), Effect.provideContext(context))
  })

/** The platform with steps around its writes, and with counts of what is open. */
const seen = ({ steps, held }: ProcessOptions) =>
  Layer.merge(
    Layer.effect(
      FileSystem.FileSystem,
      Effect.map(FileSystem.FileSystem, (fs) => {
        const stepped =
          steps === undefined
            ? fs
            : tap(fs, (call, effect) =>
                isWrite(call) ? steps.effect(`${call.op} ${call.path}`, effect, call.half) : effect
              )
        return held === undefined ? stepped : counted(stepped, held)
      })
    ),
    Layer.effect(
      ChildProcessSpawner,
      Effect.map(ChildProcessSpawner, (spawner) =>
        makeSpawner((command) => {
          const spawn =
            held === undefined
              ? spawner.spawn(command)
              : Effect.tap(spawner.spawn(command), () => holding(held, "children"))
          const what = command._tag === "StandardCommand" ? [command.command, ...command.args].join(" ") : command._tag
          return steps === undefined ? spawn : steps.effect(`run ${what}`, spawn)
        })
      )
    )
  )

const holding = (held: Held, what: keyof Held): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(
    Effect.acquireRelease(
      Effect.sync(() => {
        held[what]++
      }),
      () =>
        Effect.sync(() => {
          held[what]--
        })
    )
  )

const counted = (fs: FileSystem.FileSystem, held: Held): FileSystem.FileSystem =>
  FileSystem.make({
    ...fs,
    open: (path, options) => Effect.tap(fs.open(path, options), () => holding(held, "files")),
    watch: (path, options) => Stream.unwrap(Effect.as(holding(held, "watches"), fs.watch(path, options)))
  })

const missing = (what: string) =>
  new Error(`the plugin asks for ${what}: give the subject a platform, as NodeServices.layer of @effect/platform-node`)

const noPlatform: Platform = Layer.mergeAll(
  Layer.effect(
    FileSystem.FileSystem,
    Effect.sync(() => tap(FileSystem.makeNoop({}), () => Effect.die(missing("files"))))
  ),
  Path.layer,
  Layer.succeed(
    ChildProcessSpawner,
    makeSpawner(() => Effect.die(missing("processes")))
  )
)
