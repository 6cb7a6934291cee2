/**
 * One path of a tree of files: what is wanted there, what the manifest says, and what was last seen on disk. What is
 * wanted is shared by all trees that want the same.
 */
import type { Combines } from "./Artifact.ts"
import { digest } from "./Digest.ts"
import type { Entry } from "./Inventory.ts"
import type { SafePath } from "./SafePath.ts"

/** A file that should be there. Shared by all trees that want the same. */
export interface Wanted {
  readonly path: SafePath
  readonly text: string | (() => string)
  /** What the manifest will say: path, digest, service, artifact. */
  readonly entry: Entry
  /** As its artifact says. */
  readonly combines?: Combines
  /** Why it must not be written, as a collision: it becomes a conflict, and what is there stays. */
  readonly refused?: string
}

export const textOf = (file: Wanted): string => (typeof file.text === "string" ? file.text : file.text())

export interface More {
  readonly service?: string | undefined
  readonly artifact?: string
  readonly combines?: Combines | undefined
  readonly refused?: string
}

/** `digestOf` where the sink has a digest of its own. */
export const want = (
  path: SafePath,
  text: string | (() => string),
  more: More = {},
  digestOf: (text: string) => string = digest
): Wanted => ({
  path,
  text,
  entry: {
    id: path,
    digest: digestOf(typeof text === "string" ? text : text()),
    ...(more.service === undefined ? {} : { service: more.service }),
    ...(more.artifact === undefined ? {} : { artifact: more.artifact })
  },
  ...(more.combines === undefined ? {} : { combines: more.combines }),
  ...(more.refused === undefined ? {} : { refused: more.refused })
})

/** One path: what is wanted there, what the manifest says, and what was last seen on disk. */
export interface Slot {
  wanted: Wanted | undefined
  entry: Entry | undefined
  /** Digest of the content seen; undefined: no file. */
  disk: string | undefined
  stamp: number
}

export const blank = (wanted: Wanted): Slot => ({ wanted, entry: undefined, disk: undefined, stamp: 0 })

export const same = (a: Entry | undefined, b: Entry | undefined): boolean =>
  a === b ||
  (a !== undefined &&
    b !== undefined &&
    a.digest === b.digest &&
    a.pending === b.pending &&
    a.service === b.service &&
    a.artifact === b.artifact)
