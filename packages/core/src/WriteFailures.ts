/** What could not be written, as findings with a cure: one per cause and target, however many files it struck. */
import * as Diagnostic from "./Diagnostic.ts"
import type { ReportItem } from "./Plan.ts"

const cures: Readonly<Record<string, string>> = {
  EACCES: "give this user the right to write there, or name another folder",
  EDQUOT: "free space or raise the quota, and run again",
  EIO: "check the disk",
  EMFILE: "raise the limit of open files: ulimit -n",
  ENAMETOOLONG: "use shorter names, or another folder or layout",
  ENFILE: "raise the machine's limit of open files",
  ENOSPC: "free space there, and run again",
  EPERM: "give this user the right to write there, or name another folder",
  EROFS: "make it writable, or name another folder"
}

/** What a person can do about a message that begins with an error of the operating system. */
export const cureOf = (message: string): string | undefined => cures[/^E[A-Z]+\b/.exec(message)?.[0] ?? ""]

/** Without the call and its temporary names: `ENOSPC: no space left on device`. */
const causeOf = (message: string): string => /^E[A-Z]+: [^,]*/.exec(message)?.[0] ?? message

const shown = 3

export const findings = (items: ReadonlyArray<ReportItem>): ReadonlyArray<Diagnostic.Diagnostic> => {
  const causes = new Map<string, Array<ReportItem>>()
  for (const item of items) {
    if (item.outcome !== "failed") continue
    const key = `${item.target}\u0000${causeOf(item.message ?? "")}`
    const list = causes.get(key)
    if (list === undefined) causes.set(key, [item])
    else list.push(item)
  }
  return [...causes.values()].map((list) => {
    const { message = "no reason given", service, target } = list[0]!
    const names = list.slice(0, shown).map((item) => item.id)
    if (list.length > shown) names.push(`${list.length - shown} more`)
    return Diagnostic.error("CW801", `${target}: ${names.join(", ")}: ${causeOf(message)}`, {
      help: cureOf(message),
      ...(list.length === 1 ? { service } : {})
    })
  })
}
