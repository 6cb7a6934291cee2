// A consumer of a reflector that keeps what it is told, for tests to compare with the server.
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as Client from "../src/Client.ts"
import { type Event, type Reflection, reflect, type Settings, type Status } from "../src/Reflector.ts"

const fast: Partial<Settings> = { backoff: 50, backoffMost: 400, refusedPause: 200, silence: 20_000, watchFor: 300_000 }

export interface View {
  readonly items: Map<string, string>
  readonly statuses: Array<Status>
  readonly events: Array<Event<string>>
  readonly state: () => string | undefined
  readonly stop: () => Promise<void>
}

export const observe = (
  kubeconfig: string,
  what: Reflection<string>,
  settings: Partial<Settings> = {},
  pace: Effect.Effect<void> = Effect.void,
  told: (view: View) => void = () => {}
): View => {
  const items = new Map<string, string>()
  const statuses: Array<Status> = []
  const events: Array<Event<string>> = []
  const keep = (event: Event<string>): void => {
    events.push(event)
    if (event._tag === "Status") statuses.push(event)
    else if (event._tag === "Snapshot") {
      items.clear()
      for (const [k, v] of event.items) items.set(k, v)
    } else {
      for (const [k, v] of event.upserts) items.set(k, v)
      for (const k of event.removes) items.delete(k)
    }
    told(view)
  }
  const program = Effect.gen(function* () {
    const client = yield* Client.connect("east", { kubeconfigPath: kubeconfig }, { connectTimeout: 2000 })
    const stream = reflect(client, what, { ...fast, ...settings })
    yield* Stream.runForEach(stream, (event) =>
      Effect.andThen(
        Effect.sync(() => keep(event)),
        pace
      )
    )
  })
  const view: View = {
    items,
    statuses,
    events,
    state: () => statuses.at(-1)?.state,
    stop: () => Effect.runPromise(Effect.asVoid(Fiber.interrupt(fiber)))
  }
  const fiber = Effect.runFork(Effect.scoped(program))
  return view
}
