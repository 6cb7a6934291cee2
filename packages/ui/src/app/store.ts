/** Coarse state of the page outside React: one value, listeners, and a hook. Cells are not in here. */
import { useSyncExternalStore } from "react"

export interface Store<A> {
  readonly get: () => A
  readonly set: (value: A | ((before: A) => A)) => void
  readonly listen: (listener: () => void) => () => void
}

export const store = <A>(initial: A): Store<A> => {
  let value = initial
  const listeners = new Set<() => void>()
  return {
    get: () => value,
    set: (next) => {
      const now = typeof next === "function" ? (next as (before: A) => A)(value) : next
      if (Object.is(now, value)) return
      value = now
      for (const listener of listeners) listener()
    },
    listen: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    }
  }
}

export const useStore = <A>(from: Store<A>): A => useSyncExternalStore(from.listen, from.get)
