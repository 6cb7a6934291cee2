/**
 * Which files of a tree were seen to hold what the manifest says, by their stamps: so that a new process looks at a file
 * that did not change without reading it. Lies in a cache, never in the tree; without it, or when it is torn, all is read.
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import { CheckedFile } from "./CheckedFile.ts"
import { digest } from "./Digest.ts"
import { makeFolders } from "./MakeFolders.ts"

/** Below this many files reading them is as cheap. */
const small = 1000

export class FileStamps {
  private readonly fs: FileSystem.FileSystem
  private readonly folder: string
  private readonly file: CheckedFile

  /** `tree` says which tree it is: its absolute folder. */
  constructor(fs: FileSystem.FileSystem, folder: string, tree: string) {
    this.fs = fs
    this.folder = folder
    this.file = new CheckedFile(fs, `${folder}/${digest(tree).slice(0, 32)}`)
  }

  /** Path → beginning of the digest that the manifest had, and stamp. */
  load(): Effect.Effect<ReadonlyMap<string, readonly [digest: string, stamp: number]>> {
    return Effect.map(this.file.load(), (body = "") => {
      const out = new Map<string, readonly [string, number]>()
      for (const line of body.split("\n")) {
        const [stamp, id, ...path] = line.split(" ")
        if (id !== undefined) out.set(path.join(" "), [id, Number.parseInt(stamp!, 36)])
      }
      return out
    })
  }

  /** Keeps the stamps of these files; what cannot be kept is read again, that is all. */
  save(files: ReadonlyArray<readonly [path: string, digest: string, stamp: number]>): Effect.Effect<void> {
    if (files.length < small && !this.file.known) return Effect.void
    const body = files.map(([path, id, stamp]) => `${stamp.toString(36)} ${id.slice(0, 16)} ${path}`).join("\n")
    return makeFolders(this.fs, this.folder, 0o700).pipe(Effect.andThen(this.file.save(body)), Effect.ignore)
  }
}
