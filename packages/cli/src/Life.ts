/** How long a command means to live. A service that is told to stop by SIGTERM has ended well; other work was cut short. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"

export class Life extends Context.Service<Life, { readonly serve: Effect.Effect<void> }>()("cw/cli/Life") {}
