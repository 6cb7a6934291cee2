/** `cw new`: a folder with a plugin that works, its tests and a pipeline to try it in. Nothing that is there is overwritten. */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs"
import { basename, dirname, join, resolve } from "node:path"
import type { Kind } from "@coddiwomple/core/Plugin"
import * as Effect from "effect/Effect"
import * as ExitCode from "./ExitCode.ts"
import { make, shellWord, shown } from "./NewFolder.ts"
import { reason } from "./OutFile.ts"
import type { Presenter } from "./Presenter.ts"
import * as Check from "./scaffold/Check.ts"
import type { Files, Scaffold } from "./scaffold/Shared.ts"
import * as Sink from "./scaffold/Sink.ts"
import * as Source from "./scaffold/Source.ts"
import * as Transform from "./scaffold/Transform.ts"
import * as Terminal from "./Terminal.ts"
import * as Types from "./Types.ts"
import * as Usage from "./Usage.ts"
import { version } from "./Version.ts"

const templates: Readonly<Record<Kind, (scaffold: Scaffold) => Files>> = {
  source: Source.files,
  transform: Transform.files,
  check: Check.files,
  sink: Sink.files
}

/** Names that other nodes of the new pipeline have already. */
const taken = new Set(["inventory", "fleet", "mesh", "out", "diagnostics", "model"])

export const create = (kind: Kind, path: string, told: Presenter) =>
  Effect.gen(function* () {
    const folder = resolve(path)
    const name = basename(folder)
    if (!/^[a-z]([a-z0-9-]{0,40}[a-z0-9])?$/.test(name) || taken.has(name)) {
      const why = taken.has(name)
        ? "another node of its first pipeline has that name"
        : "lower-case letters, digits and dashes"
      Usage.refuse(
        "new",
        `${JSON.stringify(name)} cannot be the name of a plugin: ${why}`,
        `run \`cw new ${kind} my-${kind}\``
      )
      return ExitCode.usage
    }
    const impossible = yield* make(folder)
    if (impossible !== undefined) {
      Usage.refuse("new", impossible, "name a folder that can be made")
      return ExitCode.usage
    }
    try {
      if (readdirSync(folder).length > 0) {
        Terminal.say(`cw new: ${shown(folder)} exists and is not empty, nothing is written`)
        return ExitCode.failed
      }
      const files = templates[kind]({ kind, name, version, effect: "4.1.0" })
      for (const [file, text] of Object.entries(files)) {
        mkdirSync(dirname(join(folder, file)), { recursive: true })
        writeFileSync(join(folder, file), text, { flag: "wx" })
      }
      Types.write(folder)
      const there = folder === resolve(".") ? "" : `cd ${shellWord(shown(folder))} && `
      told.summary(`wrote ${Object.keys(files).length} files; next: ${there}cw test`)
      return ExitCode.ok
    } catch (cause) {
      Terminal.say(`cw new: nothing can be written to ${shown(folder)}: ${reason(cause)}`)
      return ExitCode.failed
    }
  })
