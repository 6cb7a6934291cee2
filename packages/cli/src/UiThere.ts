/**
 * What is there now in place of a planned file, for the page's differences: plans of the files sink only count lines.
 * Reads below the sink's own folder and nowhere else; Secrets and what is too large to look at are left out.
 */
import { open } from "node:fs/promises"
import { resolve, sep } from "node:path"
import { defaultLayout, parse } from "@coddiwomple/core/Layout"
import type { Opened } from "./Opened.ts"

const largest = 256 * 1024

const read = async (path: string): Promise<string | undefined> => {
  const file = await open(path)
  try {
    if ((await file.stat()).size > largest) return undefined
    const text = await file.readFile("utf8")
    return /^kind: Secret\s*$/m.test(text) ? undefined : text
  } finally {
    await file.close()
  }
}

interface FilesConfig {
  readonly path: string
  readonly layout?: string
  readonly single?: boolean
}

export const there =
  (current: () => Opened) =>
  async (sink: string, item: { readonly target: string; readonly id: string }): Promise<string | undefined> => {
    const pipeline = current()
    const node = pipeline.checked.nodes.find((n) => n.id === sink && n.kind === "sink" && n.plugin?.type === "files")
    if (node === undefined) return undefined
    const config = node.config as FilesConfig
    const layout = parse(config.layout ?? defaultLayout)
    if (config.single === true || "problem" in layout) return undefined
    const root = resolve(pipeline.directory, config.path)
    const path = resolve(root, layout.folder(item.target), item.id)
    return path.startsWith(root + sep) ? read(path).catch(() => undefined) : undefined
  }
