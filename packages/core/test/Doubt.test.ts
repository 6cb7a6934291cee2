/**
 * Property: whatever sources say, in whatever order, and wherever a process ends and another begins, nothing is deleted,
 * changed or split on doubt; and once all doubts are over nobody can see that there were any. CW_FUZZ_RUNS=10000 is the
 * long form.
 */
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Queue from "effect/Queue"
import * as TestClock from "effect/testing/TestClock"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { inDoubt } from "../src/Guard.ts"
import * as Inventory from "../src/Inventory.ts"
import type { Service } from "../src/Model.ts"
import { clusters, type Declared, fleet, ids, type Said, says, Sayings, start, step, type Step } from "./doubts.ts"
import { disk } from "./inventory.ts"
import { settle } from "./nodes.ts"

const runs = Number(process.env.CW_FUZZ_RUNS ?? 100)

type Objects = ReadonlyMap<string, ReadonlyMap<string, { readonly text: string; readonly service: string | undefined }>>
const copy = (out: ReturnType<typeof disk>): Objects =>
  new Map([...out.live].map(([target, objects]) => [target, new Map(objects)]))
const field = (text: string, name: string): ReadonlyArray<string> =>
  new RegExp(`^  ${name}: "?([^"\\n]*)"?$`, "m").exec(text)?.[1]?.split(" ").filter(Boolean) ?? []

/** What only one can have of what an object says. */
const keys = (text: string): ReadonlyArray<string> => [
  ...field(text, "hosts").map((host) => `host ${host}`),
  ...[...field(text, "ports"), ...field(text, "addresses")].map((port) => `port ${port}`)
]
const clash = (a: string, b: string): boolean =>
  a.startsWith("port") && b.startsWith("port")
    ? a.split(":").slice(1).join() === b.split(":").slice(1).join() && !(a.includes("HTTP") && b.includes("HTTP"))
    : a === b

/** What a service as facts have it has: ports of gateways where it runs, and of its address where that is certain. */
const had = ({ address, backends, hosts, ports }: Service): ReadonlyArray<string> => [
  ...hosts.map((host) => `host ${host}`),
  ...ports.flatMap(({ port, protocol }) => [
    ...(address === "" ? [] : [`port ${protocol}:${address}:${port}`]),
    ...backends.map(({ cluster }) => `${cluster} port ${protocol}::${port}`)
  ])
]

const list = (steps: ReadonlyArray<Step>): string =>
  steps.map(({ said: _, ...step }: Step & { readonly said?: Said }) => JSON.stringify(step)).join("\n")

const play = (steps: ReadonlyArray<Step>, last: ReadonlyArray<Declared>) =>
  Effect.gen(function* () {
    const out = disk()
    const sayings = new Sayings()
    let running = yield* start(out)
    yield* Queue.offerAll(running.queue, sayings.take({ do: "restart" }))
    yield* settle()
    /** Keys that services had while they were good in this process. */
    let seen = new Map<string, Set<string>>()
    /** Some writes came to nothing: what is live may be older than what the process saw last. */
    let failed = false
    /** Why something had to wait may be known to an earlier process alone. */
    let restarted = false
    const look = Effect.gen(function* () {
      const { held, model } = (yield* running.engine.rendering)!
      for (const s of HashMap.values(model.services)) {
        if (held.has(s.identity)) continue
        const known = (failed ? undefined : seen.get(s.identity)) ?? new Set()
        seen.set(s.identity, known)
        for (const key of had(s)) known.add(key)
      }
      return { held, model }
    })
    yield* look
    const all: ReadonlyArray<Step> = [
      ...steps,
      ...clusters.map((target): Step => ({ do: "mend", target })),
      { do: "name", partitions: ["c", "p", "q"] },
      { do: "say", partition: "c", list: [], said: fleet(clusters) },
      { do: "say", partition: "p", list: last, said: says(last) },
      { do: "say", partition: "q", list: [], said: says([]) }
    ]
    for (const [n, step] of all.entries()) {
      const before = copy(out)
      if (step.do === "restart") {
        yield* running.stop
        running = yield* start(out)
        seen = new Map()
      }
      if (step.do === "reload") yield* running.reload
      failed ||= step.do === "break"
      restarted ||= step.do === "restart"
      if (step.do === "break") out.broken.add(step.target)
      if (step.do === "mend") out.broken.delete(step.target)
      yield* Queue.offerAll(running.queue, sayings.take(step))
      yield* settle(5000)
      const { lastRefusal } = yield* running.engine.status
      const after = copy(out)
      if (lastRefusal !== undefined) {
        assert.deepEqual(after, before, `refused: ${JSON.stringify(lastRefusal)}`)
        continue
      }
      const { held, model } = yield* look
      const doubtful = inDoubt(model.partitions).length > 0
      const told = (what: string) =>
        `step ${n}: ${what}\n${list(all.slice(0, n + 1))}\n${JSON.stringify(out.plans.at(-1)?.items, null, 1)}`
      const gone = (id: string) => !held.has(id) && !HashMap.has(model.services, id)
      const said = (id: string) => {
        const claims = held.get(id)?.claims
        return claims === undefined ? [] : had(claims)
      }
      const stays = (id: string | undefined) => id !== undefined && (held.has(id) || (doubtful && gone(id)))
      for (const [target, objects] of before) {
        const now = after.get(target) ?? new Map()
        for (const [id, { service, text }] of objects) {
          if (stays(service)) assert.deepEqual(now.get(id), { service, text }, told(`${id} of ${service} in ${target}`))
          if (doubtful) assert.isTrue(now.has(id), told(`${id} in ${target} was deleted`))
        }
        const standing = [...objects].flatMap(([id, { service, text }]) =>
          service !== undefined && now.get(id)?.text === text
            ? keys(text).map((key) => ({
                key,
                service,
                stays: stays(service),
                seen: [key, `${target} ${key}`].some(
                  (one) => seen.get(service)?.has(one) || said(service).includes(one)
                )
              }))
            : []
        )
        for (const [id, { service, text }] of now) {
          if (objects.get(id)?.text === text) continue
          for (const one of standing) {
            // Hosts show in the names of objects; of what else a service had a new process knows nothing.
            const isKnown = one.stays ? one.seen || one.key.startsWith("host") : one.seen && !failed && !restarted
            if (service !== undefined && service !== one.service && isKnown)
              for (const key of keys(text))
                assert.isFalse(clash(key, one.key), told(`${service} takes ${key} of ${one.service} in ${target}`))
            if (service === undefined && one.stays && one.seen)
              for (const name of field(text, "names")) {
                const [host, owner] = name.split("=")
                const taken = one.key === `host ${host}` && owner !== one.service
                assert.isFalse(taken, told(`${host} of ${one.service} in ${target} is given to ${owner} by name`))
              }
          }
        }
      }
      for (const [target, objects] of after) {
        const read = Inventory.fromText(out.records.get(target)!)
        assert.deepEqual(
          "problem" in read ? read : [...read.entries.keys()].sort(),
          [...objects.keys()].sort(),
          told(`inventory of ${target}`)
        )
      }
    }
    yield* running.stop

    const next = copy(out)
    const again = out.plans.length
    running = yield* start(out)
    yield* Queue.offerAll(running.queue, sayings.take({ do: "restart" }))
    yield* settle()
    yield* running.stop
    assert.deepEqual(copy(out), next)
    assert.equal(out.plans.length, again, `a second run plans something\n${list(all)}`)

    const fresh = disk()
    running = yield* start(fresh)
    yield* Queue.offerAll(running.queue, sayings.take({ do: "restart" }))
    yield* settle()
    yield* running.stop
    const texts = (objects: Objects) =>
      [...objects]
        .filter(([, o]) => o.size > 0)
        .map(([target, o]) => [target, [...o].sort()])
        .sort()
    assert.deepEqual(texts(next), texts(copy(fresh)), `not what a fresh run makes\n${list(all)}`)
  })

describe("property: nothing is done on doubt, and doubts leave nothing behind", () => {
  /** Nobody wants what another has. */
  const clear = fc
    .uniqueArray(fc.tuple(fc.constantFrom(...ids), fc.constantFrom("one", "two", "three", "four")), {
      selector: ([id]) => id,
      maxLength: 4
    })
    .map((list) => [...new Map(list.map((one) => [one[1], one])).values()])
    .map((list) =>
      list.map(
        ([id, host], i): Declared => ({ id, hosts: [host], port: i + 1, protocol: "TCP", where: ["east"], how: "good" })
      )
    )
  it("for any sequence of facts, doubts and processes", () =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 12 }), clear, (steps, last) =>
        Effect.runPromise(play(steps, last).pipe(Effect.provide(TestClock.layer()), Effect.scoped))
      ),
      { numRuns: runs }
    ))
})
