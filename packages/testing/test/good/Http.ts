/** One request, one connection, no repeats: Deno's `fetch` repeats requests by itself, and would hide faults. */
import { permanent, type PluginError, retryable } from "@coddiwomple/core/PluginError"
import * as Effect from "effect/Effect"
import { request } from "node:http"

/** The body of the answer; anything but a success is a failure, retryable where the server may recover. */
export const call = (method: string, url: string, body = ""): Effect.Effect<string, PluginError> =>
  Effect.callback((resume) => {
    const outgoing = request(url, { method, agent: false }, (response) => {
      const status = response.statusCode ?? 0
      const message = `${method} ${url} answers ${status}`
      let text = ""
      response.setEncoding("utf8")
      response.on("data", (chunk: string) => {
        text += chunk
      })
      response.on("error", (cause) => resume(Effect.fail(retryable(cause.message, cause))))
      response.on("end", () => {
        if (!response.complete) resume(Effect.fail(retryable(`${message}, and not to the end`)))
        else if (status < 300) resume(Effect.succeed(text))
        else resume(Effect.fail(status >= 500 || status === 429 ? retryable(message) : permanent(message)))
      })
    })
    outgoing.on("error", (cause) => resume(Effect.fail(retryable(cause.message, cause))))
    outgoing.end(body)
    return Effect.sync(() => outgoing.destroy())
  })
