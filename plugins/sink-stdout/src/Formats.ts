/** The three forms of a stream. In each of them a document ends with a newline, so that streams can be joined. */
import type { Artifact } from "@coddiwomple/core/Artifact"
import { fleetGroup } from "@coddiwomple/core/Desired"
import { read } from "@coddiwomple/core/Read"
import type { Format } from "./Printer.ts"

const ended = (text: string): string => (text.endsWith("\n") ? text : `${text}\n`)

export const yaml: Format = { document: ({ text }) => `---\n${ended(text)}` }

/** Names are input: none of them may end the comment. JSON leaves some line ends of YAML 1.1 as they are. */
const quoted = (name: string): string =>
  JSON.stringify(name).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`
  )

const banner = (width: number, text: string): string => {
  const line = "#".repeat(width)
  return `${line}\n# ${text}\n${line}\n`
}

/** What the original tool printed: a banner per service and one per cluster, an empty line behind each object. */
export const classic: Format = {
  group: (name) => (name === fleetGroup ? "" : banner(80, `Configs for Service ${quoted(name)}`)),
  cluster: (name) => banner(20, `Configs for Cluster ${quoted(name)}`),
  document: ({ text }) => `---\n${ended(text)}\n`
}

/** One object per line. `parse` is for texts that cw did not print itself. */
export const json = (parse: (text: string) => unknown): Format => ({
  document: ({ text }: Artifact) => `${JSON.stringify(object(text, parse))}\n`
})

const object = (text: string, parse: (text: string) => unknown): unknown => {
  try {
    return read(text)
  } catch {
    return parse(text)
  }
}
