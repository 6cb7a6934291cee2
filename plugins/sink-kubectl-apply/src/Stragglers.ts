/**
 * Clusters are planned together, but none waits for one that is out of reach: when all others have answered and are
 * done, a cluster from which nothing at all has come is given up. One that answers, however slowly, never is.
 */
import { ApiError } from "@coddiwomple/kubernetes/ApiError"
import type { Client } from "@coddiwomple/kubernetes/Client"
import * as Reach from "@coddiwomple/kubernetes/Reach"
import * as Effect from "effect/Effect"

/** Milliseconds without a sign of life: after an outage that is known, without a connection, and with one. */
const patience = { known: 300, unconnected: 2000, connected: 15_000 }

const look = "20 millis"

export class Stragglers {
  private readonly started = Date.now()
  private readonly all = new Set<Client>()
  private readonly open = new Set<Client>()

  /** Runs `effect`, which speaks to `client`, and gives it up by the rule above. */
  readonly bounded = <A, E>(client: Client, effect: Effect.Effect<A, E>): Effect.Effect<A, E | ApiError> =>
    Effect.suspend(() => {
      this.all.add(client)
      this.open.add(client)
      const known = Reach.outage(client.context)
      const watch = Effect.gen({ self: this }, function* () {
        while (!this.givesUp(client, known !== undefined)) yield* Effect.sleep(look)
        const { connected, sent } = client.contact
        const seconds = Math.max(1, Math.round((Date.now() - Math.max(this.started, sent ?? 0)) / 1000))
        const error =
          known ??
          new ApiError({
            reason: connected === undefined ? "Unreachable" : "Lost",
            message: connected === undefined ? `no connection within ${seconds} s` : `nothing came for ${seconds} s`
          })
        Reach.failed(client.context, error)
        return yield* error
      })
      return Effect.raceFirst(effect, watch).pipe(Effect.ensuring(Effect.sync(() => this.open.delete(client))))
    })

  private silent(client: Client): boolean {
    return (client.contact.answered ?? 0) < this.started
  }

  private givesUp(client: Client, known: boolean): boolean {
    if (!this.silent(client)) return false
    for (const other of this.open) if (!this.silent(other)) return false
    // Where nobody answers it may be us.
    if ([...this.all].every((other) => this.silent(other))) return false
    const waited = Date.now() - this.started
    if (known) return waited >= patience.known
    const { connected, sent } = client.contact
    // Nothing was sent yet: credentials are being fetched, which has a limit of its own.
    if (sent === undefined) return false
    const since = Date.now() - Math.max(this.started, sent)
    return since >= (connected === undefined ? patience.unconnected : patience.connected)
  }
}
