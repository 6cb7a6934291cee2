/** Where a path of a configuration leads: the one place that knows `~`, so that it means the same in every field. */
import type * as Path from "effect/Path"

/** What relative paths start from; `Host` is one. */
export interface Base {
  /** Absolute. */
  readonly directory: string
  /** The user's home folder; without it `~` is a name like others. */
  readonly home?: string | undefined
}

/** The folder it starts from, and the rest: a glob cannot be made absolute. `~name/` is a name like others. */
export const start = ({ directory, home }: Base, to: string): { readonly from: string; readonly rest: string } =>
  home !== undefined && /^~(?:\/|$)/.test(to)
    ? { from: home, rest: to.replace(/^~\/*/, "") }
    : { from: directory, rest: to }

/** Absolute. What starts with `~/` lies in the home folder, other relative paths below `directory`. */
export const located = (path: Pick<Path.Path, "resolve">, base: Base, to: string): string => {
  const { from, rest } = start(base, to)
  return path.resolve(from, rest)
}
