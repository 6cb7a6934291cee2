/**
 * The commands of a Markdown document: every line of a fence marked `sh`, in order, with the exit code it promises
 * (`# exit 3`, else 0). `sh watch` runs until it is quiet and is then stopped; `sh live` needs clusters and is run by
 * the tests of real parts; `sh install` is what `npm ci` and the like do before any test. No other mark is allowed.
 */
import { readFileSync } from "node:fs"

export type Mark = "" | "watch" | "live" | "install"

export interface Command {
  readonly line: number
  readonly text: string
  readonly exit: number
  readonly mark: Mark
}

const marks: ReadonlySet<string> = new Set(["", "watch", "live", "install"])

export const commands = (file: string): ReadonlyArray<Command> => {
  const out: Array<Command> = []
  let mark: Mark | undefined
  let fence: string | undefined
  readFileSync(file, "utf8")
    .split("\n")
    .forEach((text, i) => {
      const open = /^(```+)(\S*)\s*(.*)$/.exec(text.trim())
      if (fence !== undefined) {
        if (text.trim() === fence) fence = mark = undefined
        else if (mark !== undefined) out.push(...command(text, i + 1, mark))
        return
      }
      if (open === null) return
      fence = open[1]!
      if (open[2] !== "sh") return
      if (!marks.has(open[3]!)) throw new Error(`${file}:${i + 1}: unknown mark "${open[3]}" of a sh fence`)
      mark = open[3] as Mark
    })
  return out
}

const command = (text: string, line: number, mark: Mark): ReadonlyArray<Command> => {
  const exit = /#\s*exit (\d+)\s*$/.exec(text)
  const bare = text
    .replace(/\s+#.*$/, "")
    .replace(/^\$ /, "")
    .trim()
  return bare === "" || bare.startsWith("#")
    ? []
    : [{ line, text: bare, exit: exit === null ? 0 : Number(exit[1]), mark }]
}
