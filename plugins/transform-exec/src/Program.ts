/** Whether the program of a command can be run, without running it: for `cw doctor`, and before a reload swaps. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"

export type Standing = "there" | "absent" | "forbidden"

/** A program with a slash is a file of `directory`; another is looked for in `searched`, a list as PATH has it. */
export const look = (program: string, directory: string, searched: string) =>
  Effect.gen(function* () {
    const path = yield* Path.Path
    const folders = program.includes("/") ? [directory] : searched.split(":").map((folder) => folder || directory)
    const found = yield* Effect.forEach(folders, (folder) => standing(path.resolve(folder, program)))
    return found.find((one) => one === "there") ?? found.find((one) => one === "forbidden") ?? "absent"
  })

const standing = (file: string): Effect.Effect<Standing, never, FileSystem.FileSystem> =>
  Effect.flatMap(FileSystem.FileSystem, (fs) =>
    fs.stat(file).pipe(
      Effect.map(({ mode, type }): Standing => (type === "File" && (mode & 0o111) !== 0 ? "there" : "forbidden")),
      Effect.orElseSucceed((): Standing => "absent")
    )
  )
