/**
 * The door of the server: every request and every upgrade passes here before anything else. Names of other machines
 * (DNS rebinding), other pages (cross-site requests, frames, forms) and everything without the right headers stay out.
 */
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"

const loopback = new Set(["127.0.0.1", "localhost", "[::1]"])

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'"
].join("; ")

export const headers: Readonly<Record<string, string>> = {
  "content-security-policy": policy,
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
}

interface Asked {
  readonly method: string
  readonly headers: Readonly<Record<string, string | undefined>>
}

export interface Refusal {
  readonly status: number
  readonly why: string
}

/** Why a request is turned away, or undefined. */
export const refusal = ({ headers: h, method }: Asked, hosts: ReadonlyArray<string> = []): Refusal | undefined => {
  const host = h.host ?? ""
  const name = host.replace(/:\d+$/, "").toLowerCase()
  if (!loopback.has(name) && !hosts.includes(name)) {
    return {
      status: 421,
      why: `this server does not answer to the name ${JSON.stringify(name)}; if that is meant, start it with --allowed-host`
    }
  }
  const { origin } = h
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`)
    return { status: 403, why: "requests of other pages are refused" }
  const site = h["sec-fetch-site"]
  const navigates = h["sec-fetch-mode"] === "navigate" && h["sec-fetch-dest"] === "document" && method === "GET"
  if (site !== undefined && site !== "same-origin" && site !== "none" && !navigates)
    return { status: 403, why: "requests of other sites are refused" }
  return undefined
}

export const layer = (hosts: ReadonlyArray<string>) =>
  HttpRouter.middleware(
    (app) =>
      Effect.gen(function* () {
        const request = yield* HttpServerRequest.HttpServerRequest
        const refused = refusal(request, hosts)
        const response =
          refused === undefined ? yield* app : HttpServerResponse.text(`${refused.why}\n`, { status: refused.status })
        return HttpServerResponse.setHeaders(response, headers)
      }),
    { global: true }
  )
