/** Copies of models: with the keys of every object in another order, with services stored in another order, frozen. */
import { Fleet, type Model } from "@coddiwomple/core/Model"
import * as HashMap from "effect/HashMap"

export interface CopyOptions {
  readonly reversed?: boolean
}

/** A deep copy of plain data; functions, as those of origins, are shared. */
export const copy = <A>(value: A, options: CopyOptions = {}): A => {
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.map((item) => copy(item, options)) as A
  if (value instanceof Uint32Array) return value.slice() as A
  if (value instanceof Map) return new Map([...turned(value, options)].map(([k, v]) => [k, copy(v, options)])) as A
  if (value instanceof Set) return new Set(turned(value, options)) as A
  if (value instanceof Fleet) return new Fleet(copy(value.clusters, options), value.suffix, value.unusable) as A
  return Object.fromEntries(turned(Object.entries(value), options).map(([k, v]) => [k, copy(v, options)])) as A
}

const turned = <A>(items: Iterable<A>, { reversed }: CopyOptions): ReadonlyArray<A> =>
  reversed === true ? [...items].reverse() : [...items]

export const copyModel = (model: Model, options: CopyOptions = {}): Model => {
  const { services, held, fleet, ...rest } = model
  const entries = <V>(map: HashMap.HashMap<string, V>) =>
    turned([...map], options).map(([k, v]): [string, V] => [k, copy(v, options)])
  return {
    ...copy(rest, options),
    fleet: copy(fleet, options),
    services: HashMap.fromIterable(entries(services)),
    held: HashMap.fromIterable(entries(held))
  }
}

/** Freezes plain data all the way down. Typed arrays cannot be frozen, and maps keep their methods: compare those. */
export const freeze = <A>(value: A): A => {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value) || Object.isFrozen(value)) return value
  if (value instanceof Map) for (const item of value.values()) freeze(item)
  else for (const item of Object.values(value)) freeze(item)
  return Object.freeze(value)
}

export const freezeModel = (model: Model): Model => {
  for (const service of HashMap.values(model.services)) freeze(service)
  for (const held of HashMap.values(model.held)) freeze(held)
  freeze(model.fleet)
  const { services: _s, held: _h, fleet: _f, ...rest } = model
  freeze(rest)
  return Object.freeze({ ...model })
}

/** Everything in a model as one text. */
export const modelText = (model: Model): string =>
  text({ ...model, services: [...model.services], held: [...model.held], fleet: { ...model.fleet } })

export const text = (value: unknown): string =>
  JSON.stringify(value, (_key, v: unknown) =>
    v instanceof Map || v instanceof Set || ArrayBuffer.isView(v) ? [...(v as unknown as Iterable<unknown>)] : v
  ) ?? "undefined"

/** Runs synchronous code at another time, so that dates in the output show. */
export const atAnotherTime = <A>(run: () => A): A => {
  const Real = globalThis.Date
  const shift = 100 * 24 * 3600 * 1000 + 3723004
  class Shifted extends Real {
    constructor(...args: ReadonlyArray<never>) {
      if (args.length === 0) super(Real.now() + shift)
      else super(...(args as unknown as [number]))
    }
    static override now(): number {
      return Real.now() + shift
    }
  }
  globalThis.Date = Shifted as DateConstructor
  try {
    return run()
  } finally {
    globalThis.Date = Real
  }
}
