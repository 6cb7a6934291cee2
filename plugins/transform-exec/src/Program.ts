/** Whether the program of a command can be run, without running it: for `cw doctor`, and before a reload swaps. */
import { type Base, located } from "@coddiwomple/core/Located"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"

export type Standing = "there" | "absent" | "forbidden"

/** A program with a slash is a file; another is looked for in `searched`, a list as PATH has it. */
export const look = (program: string, base: Base, searched: string) =>
  Effect.gen(function* () {
    const path = yield* Path.Path
    const files = program.includes("/")
      ? [located(path, base, program)]
      : searched.split(":").map((folder) => path.resolve(folder || base.directory, program))
    const found = yield* Effect.forEach(files, standing)
    return found.find((one) => one === "there") ?? found.find((one) => one === "forbidden") ?? "absent"
  })

const standing = (file: string): Effect.Effect<Standing, never, FileSystem.FileSystem> =>
  Effect.flatMap(FileSystem.FileSystem, (fs) =>
    fs.stat(file).pipe(
      Effect.map(({ mode, type }): Standing => (type === "File" && (mode & 0o111) !== 0 ? "there" : "forbidden")),
      Effect.orElseSucceed((): Standing => "absent")
    )
  )
