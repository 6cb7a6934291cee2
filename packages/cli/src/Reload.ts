/**
 * Takes up changes of the pipeline file, and of what it refers to, while the pipeline runs. The new nodes are built and
 * probed before anything is swapped; a bad file leaves everything as it was and says so.
 */
import { type FSWatcher, watch } from "node:fs"
import { basename, dirname } from "node:path"
import type { Diagnostic } from "@coddiwomple/core/Diagnostic"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type { Leave } from "./ExitCode.ts"
import type { Opened } from "./Opened.ts"
import type { Presenter } from "./Presenter.ts"
import type { Session } from "./Session.ts"
import { say } from "./Terminal.ts"
import * as Versions from "./Versions.ts"

export type Reopen = () => Effect.Effect<ReadonlyArray<Opened>, Leave>

/** Editors and ConfigMaps replace files by renaming: so folders are watched, and what happened there is only a hint. */
const hints = (paths: ReadonlyArray<string>, hint: () => void): (() => void) => {
  const byFolder = Map.groupBy(paths, (path) => dirname(path))
  const watchers: Array<FSWatcher> = []
  for (const [folder, files] of byFolder) {
    const names = new Set(files.map((file) => basename(file)))
    try {
      const watcher = watch(folder, (_event, name) => {
        if (name === null || names.has(name) || name.startsWith("..")) hint()
      })
      watcher.on("error", hint)
      watchers.push(watcher)
    } catch {
      hint()
    }
  }
  return () => {
    for (const watcher of watchers) watcher.close()
  }
}

const settle = "100 millis"

export const follow = (session: Session, told: Presenter, reopen: Reopen) =>
  Effect.gen(function* () {
    let current = session.pipeline
    const changed = yield* Latch.make(false)
    let stops: ReadonlyArray<() => void> = []
    const look = (more: ReadonlyArray<string> = []): void => {
      stops = [...stops, hints([...current.watch, ...more], () => changed.openUnsafe())]
    }
    const stop = (some: typeof stops): void => {
      stops = stops.filter((each) => !some.includes(each))
      for (const each of some) each()
    }
    let missed = ""
    const lookAgain = (more?: ReadonlyArray<string>) =>
      Effect.gen(function* () {
        const before = stops
        look(more)
        // What happened meanwhile is still on its way through the watchers of before.
        yield* Effect.sleep(settle)
        stop(before)
        // And what happened to a file that none of them watched, only the file can tell; Deno begins to watch later, too.
        const now = Versions.outdated()
        if (now !== missed && now !== "") changed.openUnsafe()
        missed = now
      })
    yield* Effect.addFinalizer(() => Effect.sync(() => stop(stops)))
    look()
    while (true) {
      yield* changed.await
      yield* Effect.sleep(settle)
      yield* changed.close
      // `reopen` tells its findings itself.
      const opened = yield* Effect.result(reopen())
      const next = opened._tag === "Success" ? opened.success.find((p) => p.name === current.name) : undefined
      if (next === undefined) {
        failed(
          told,
          current,
          [],
          opened._tag === "Success" ? `there is no pipeline ${current.name} in it any more` : undefined
        )
        // The fault may be in a module that the running pipeline does not have.
        yield* lookAgain(Versions.known())
        continue
      }
      if (same(current, next)) {
        told.takeUp(next)
        continue
      }
      if (!sameSettings(current, next))
        say(`${current.name}: changes under \`model\` and \`trigger\` take effect at the next start`)
      const swapped = yield* Effect.result(
        session.assembly.set(
          next.nodes.map((node) => node.blueprint),
          { probe: true }
        )
      )
      if (swapped._tag === "Failure") {
        failed(told, current, swapped.failure)
        continue
      }
      current = next
      told.takeUp(next)
      told.summary(`${current.name}: took up the changes of ${current.file}`)
      yield* lookAgain()
    }
  })

const same = (a: Opened, b: Opened): boolean =>
  sameSettings(a, b) &&
  a.nodes.length === b.nodes.length &&
  a.nodes.every(
    (node, i) => node.id === b.nodes[i]!.id && node.blueprint.fingerprint === b.nodes[i]!.blueprint.fingerprint
  )

const sameSettings = (a: Opened, b: Opened): boolean =>
  JSON.stringify([a.checked.model, a.checked.trigger]) === JSON.stringify([b.checked.model, b.checked.trigger])

const failed = (told: Presenter, pipeline: Opened, found: ReadonlyArray<Diagnostic>, why?: string): void => {
  told.diagnostics(found)
  if (told.output === "json")
    told.line({ type: "config_reload_failed", level: "error", pipeline: pipeline.name, time: new Date().toISOString() })
  told.summary(
    `${pipeline.name}: ${pipeline.file} is not taken up${why === undefined ? "" : `: ${why}`}; what runs goes on unchanged`
  )
}
