/** Takes a lock that only an apply gives back that comes to its end. */
import good from "../good/HttpSink.ts"
import type { Desired } from "@coddiwomple/core/Desired"
import { executable, type Plan } from "@coddiwomple/core/Plan"
import * as Effect from "effect/Effect"
import { call } from "../good/Http.ts"

export default {
  ...good,
  make: (config: { readonly url: string }) =>
    Effect.map(good.make(config), (impl) => ({
      ...impl,
      apply: (plan: Plan, desired: Desired) => {
        const lock = call("PUT", `${config.url}/lock`, JSON.stringify({ text: "", owner: "lock" }))
        const unlock = call("DELETE", `${config.url}/lock`)
        return executable(plan).length === 0
          ? impl.apply(plan, desired)
          : lock.pipe(Effect.andThen(impl.apply(plan, desired)), Effect.tap(unlock))
      }
    }))
}
