/**
 * What was found at a commit, kept beside the cached repository: a commit never changes, so a process that meets it again
 * need not list its tree. Thrown away with the cache; what is torn, foreign or of another commit counts for nothing.
 */
import { CheckedFile } from "@coddiwomple/core/CheckedFile"
import { digest } from "@coddiwomple/core/Digest"
import type { PluginError } from "@coddiwomple/core/PluginError"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type { Base } from "./Base.ts"
import type { Broken, Git } from "./Git.ts"
import { listed, type Place } from "./Read.ts"

/** Beyond this many odd files a listing is no more expensive. */
const most = 10_000

interface Stored {
  readonly owner: string
  readonly prefix: string
  readonly commit: string
  readonly manifest?: string
  readonly odd: ReadonlyArray<readonly [path: string, blob: string | null]>
}

export class Known {
  private readonly fs: FileSystem.FileSystem
  private readonly place: Place
  private readonly name: string
  private saved: string | undefined

  constructor(fs: FileSystem.FileSystem, place: Place) {
    this.fs = fs
    this.place = place
    this.name = `cw-known-${digest(JSON.stringify([place.owner, place.prefix])).slice(0, 16)}`
  }

  /** The base of the last commit that was seen; undefined when there is none to rely on. */
  load(git: Git): Effect.Effect<Base | undefined, PluginError | Broken> {
    return Effect.gen({ self: this }, function* () {
      const text = yield* this.file(git).load()
      const stored = text === undefined ? undefined : (JSON.parse(text) as Stored)
      if (stored?.owner !== this.place.owner || stored.prefix !== this.place.prefix) return undefined
      const base = yield* listed(git, stored.commit, stored.manifest, this.place)
      for (const [path, blob] of stored.odd) base.see(path, blob ?? undefined)
      this.saved = stored.commit
      return base
    })
  }

  save(git: Git, base: Base): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (base.commit === undefined || base.commit === this.saved || base.odd.size + base.top.size > most)
        return Effect.void
      this.saved = base.commit
      const { owner, prefix } = this.place
      const odd: Array<readonly [string, string | null]> = [...base.top]
      for (const [path, byFolder] of base.odd)
        for (const [folder, blob] of byFolder) odd.push([`${folder}/${path}`, blob])
      const manifest = base.manifest === undefined ? {} : { manifest: base.manifest }
      const stored: Stored = { owner, prefix, commit: base.commit, ...manifest, odd }
      return this.file(git).save(JSON.stringify(stored))
    })
  }

  /** After the cache was thrown away. */
  forget(): void {
    this.saved = undefined
  }

  private file(git: Git): CheckedFile {
    return new CheckedFile(this.fs, `${git.options.directory}/${this.name}`)
  }
}
