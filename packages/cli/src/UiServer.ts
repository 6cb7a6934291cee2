/** Serves the page of a running engine on a loopback port, tells the link, and leaves nothing behind. */
import { spawn } from "node:child_process"
import { createServer } from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Concealing from "@coddiwomple/ui/server/Concealing"
import * as Server from "@coddiwomple/ui/server/Server"
import { Tokens } from "@coddiwomple/ui/server/Tokens"
import type { View } from "@coddiwomple/ui/server/View"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as HttpServer from "effect/http/HttpServer"
import type * as Scope from "effect/Scope"
import * as Concealed from "./Concealed.ts"
import * as RuntimeFile from "./RuntimeFile.ts"
import { say } from "./Terminal.ts"
import { load } from "./UiAssets.ts"

export interface Listen {
  readonly host: string
  readonly port: number
  readonly allowedHosts: ReadonlyArray<string>
  readonly open: boolean
}

const loopback = new Set(["127.0.0.1", "::1", "localhost"])

/** `8080`, `127.0.0.1:8080`, `[::1]:0`. */
export const parseAddress = (text: string): { readonly host: string; readonly port: number } | undefined => {
  const found = /^(?:(\[[0-9a-fA-F:.]+\]|[^:[\]]+):)?(\d{1,5})$/.exec(text)
  if (found === null || Number(found[2]) > 65_535) return undefined
  return { host: (found[1] ?? "127.0.0.1").replace(/^\[|\]$/g, ""), port: Number(found[2]) }
}

export const isLoopback = (host: string): boolean => loopback.has(host)

/** A page that sends the browser on: so the token is in no process list. */
const redirect = (url: string): string =>
  `<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer"><meta http-equiv="refresh" content="0;url=${url}"><title>cw</title>`

const openBrowser = (url: string): (() => void) => {
  const file = RuntimeFile.put(`open-${process.pid}.html`, redirect(url))
  const [command, ...args] =
    process.platform === "darwin" ? ["open"] : process.platform === "win32" ? ["cmd", "/c", "start", ""] : ["xdg-open"]
  const child = spawn(command!, [...args, file.path], { stdio: "ignore", detached: true })
  child.once("error", () => say("no browser could be opened; the link above works in any"))
  child.unref()
  return file.remove
}

export class Busy extends Error {}

/** Up when this returns, down when the scope ends. Returns the address. */
export const serve = (
  view: View,
  listen: Listen,
  apply?: Server.Options["apply"]
): Effect.Effect<string, Busy, Scope.Scope> =>
  Effect.gen(function* () {
    const tokens = new Tokens()
    const layer = Server.layer({
      view: Concealing.view(view, Concealed),
      tokens,
      assets: load(),
      allowedHosts: listen.allowedHosts,
      ...(apply === undefined
        ? {}
        : { apply: (...asked) => Stream.map(apply(...asked), Concealing.progress(Concealed)) })
    }).pipe(
      Layer.provideMerge(
        NodeHttpServer.layer(() => createServer(), {
          host: listen.host,
          port: listen.port,
          gracefulShutdownTimeout: 300
        })
      )
    )
    const context = yield* Effect.mapError(
      Layer.build(layer),
      (error) =>
        new Busy(
          `${listen.host}:${listen.port} cannot be used: ${String((error as { cause?: { message?: string } }).cause?.message ?? error)}`
        )
    )
    const { address } = yield* Effect.provide(HttpServer.HttpServer, Layer.succeedContext(context))
    const port = "port" in address ? address.port : listen.port
    const shown = listen.host.includes(":") ? `[${listen.host}]` : isLoopback(listen.host) ? listen.host : "127.0.0.1"
    const url = `http://${shown}:${port}`
    const entry: RuntimeFile.Entry = { url, bearer: tokens.session, pid: process.pid, pipeline: view.info().pipeline }
    yield* Effect.acquireRelease(
      Effect.sync(() => RuntimeFile.put(`ui-${port}.json`, JSON.stringify(entry))),
      (file) => Effect.sync(file.remove)
    )
    const link = `${url}/#launch=${tokens.launch()}`
    if (listen.open) {
      const opened = tokens.launch(60_000)
      yield* Effect.acquireRelease(
        Effect.sync(() => openBrowser(`${url}/#launch=${opened}`)),
        (remove) => Effect.sync(remove)
      )
    }
    say(`cw ui: ${link}`)
    say("the link opens one page; `cw ui --url` gives another")
    return url
  })
