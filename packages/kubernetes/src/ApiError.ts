/**
 * How a request to an API server fails. The reason decides everything that follows: whether it is tried again, what
 * state a watch takes, what a report says. Messages are one harmless line.
 */
import * as Data from "effect/Data"
import { harmless, oneLine } from "./Harmless.ts"

export type Reason =
  /** No connection: certainly not executed. */
  | "Unreachable"
  /** The connection was lost, or time ran out, after the request was sent: the outcome is unknown. */
  | "Lost"
  /** The certificate of the server is not trusted, expired or of another name. */
  | "Certificate"
  /** No credentials could be had: exec plugin, token file. */
  | "Credentials"
  /** Something answers, but no Kubernetes API. */
  | "NotApi"
  | "Unauthorized"
  | "Forbidden"
  /** The namespace is being deleted. */
  | "Terminating"
  | "NotFound"
  /** Another field manager owns a field. */
  | "Conflict"
  /** The object moved since it was read. */
  | "Modified"
  | "Exists"
  /** A UID or resource version precondition does not hold. */
  | "Precondition"
  /** A resource version or continue token is too old, or too new. */
  | "Gone"
  /** The object is refused for what it says. */
  | "Invalid"
  | "TooLarge"
  | "Busy"
  /** An admission webhook cannot be called. */
  | "Webhook"
  /** The database of the server is full. */
  | "Full"
  | "Server"

/** One cause of a Status: the field and why. */
export interface StatusCause {
  readonly reason?: string
  readonly field?: string
  readonly message?: string
}

export class ApiError extends Data.TaggedError("ApiError")<{
  readonly reason: Reason
  readonly message: string
  /** HTTP status where there was an answer. */
  readonly code?: number
  readonly causes?: ReadonlyArray<StatusCause>
  /** Kind of what was not found, as the server names it: `namespaces`. */
  readonly kind?: string
  /** Milliseconds the server asks to wait. */
  readonly retryAfter?: number
  /** Some attempt may have been executed although this error came back. */
  readonly doubt?: boolean
  readonly attempts?: number
}> {}

/** A Kubernetes Status body. */
export interface Status {
  readonly kind?: string
  readonly message?: string
  readonly reason?: string
  readonly code?: number
  readonly details?: {
    readonly name?: string
    readonly kind?: string
    readonly retryAfterSeconds?: number
    readonly causes?: ReadonlyArray<StatusCause>
  }
}

const isStatus = (body: unknown): body is Status =>
  typeof body === "object" && body !== null && (body as Status).kind === "Status"

const caused = (status: Status, reason: string): boolean =>
  status.details?.causes?.some((c) => c.reason === reason) === true

const reasonOf = (code: number, status: Status): Reason => {
  const message = status.message ?? ""
  if (/request is too large|entity too large/i.test(message)) return "TooLarge"
  switch (code) {
    case 401:
      return "Unauthorized"
    case 403:
      return caused(status, "NamespaceTerminating") ? "Terminating" : "Forbidden"
    case 404:
      return "NotFound"
    case 409:
      if (caused(status, "FieldManagerConflict")) return "Conflict"
      if (status.reason === "AlreadyExists") return "Exists"
      return /precondition|uid mismatch/i.test(message) ? "Precondition" : "Modified"
    case 410:
      return "Gone"
    case 400:
    case 405:
    case 406:
    case 415:
    case 422:
      return "Invalid"
    case 413:
      return "TooLarge"
    case 429:
      return "Busy"
  }
  if (caused(status, "ResourceVersionTooLarge") || /Too large resource version/i.test(message)) return "Gone"
  // The answer of server-side apply to an unknown or mistyped field is an HTTP 500 that no repetition mends.
  if (/failed to create typed (patch|live)? ?object|field not declared in schema/.test(message)) return "Invalid"
  if (/failed calling webhook|failed to call webhook/.test(message)) return "Webhook"
  if (/database space exceeded/.test(message)) return "Full"
  if (code === 503) return "Busy"
  return "Server"
}

/** Proxies and overloaded servers answer without a Status. */
const bare = (code: number): Reason =>
  code === 429 || code === 503 ? "Busy" : code === 401 ? "Unauthorized" : code >= 500 ? "Server" : "NotApi"

/** The error in an answer. `body` is what the text parsed to, or undefined when it is no JSON. */
export const fromResponse = (code: number, body: unknown, text: string, retryAfter?: number): ApiError => {
  if (!isStatus(body)) {
    const known = text.startsWith("404 page not found") ? "NotFound" : bare(code)
    const shown = /<html|<!doctype/i.test(text) ? "a web page" : harmless(text, [], 120)
    return new ApiError({
      reason: known,
      code,
      message: `HTTP ${code}${shown === "" ? "" : `: ${shown}`}`,
      ...(retryAfter === undefined ? {} : { retryAfter })
    })
  }
  const wait =
    retryAfter ?? (body.details?.retryAfterSeconds === undefined ? undefined : body.details.retryAfterSeconds * 1000)
  return new ApiError({
    reason: reasonOf(code, body),
    code,
    message: oneLine(body.message ?? body.reason ?? `HTTP ${code}`, 600),
    ...(body.details?.causes === undefined ? {} : { causes: body.details.causes }),
    ...(body.details?.kind === undefined ? {} : { kind: body.details.kind }),
    ...(wait === undefined ? {} : { retryAfter: wait })
  })
}

/** The error in an ERROR event of a watch. */
export const fromEvent = (object: unknown): ApiError => {
  const code = isStatus(object) ? (object.code ?? 500) : 500
  return fromResponse(code, object, JSON.stringify(object ?? null))
}

const never = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENETDOWN",
  "EADDRNOTAVAIL",
  "UND_ERR_CONNECT_TIMEOUT"
])

const certificates =
  /^(CERT_|DEPTH_ZERO_SELF|SELF_SIGNED|UNABLE_TO_|ERR_TLS_CERT|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH)/

/** Deno's TLS names what is wrong only in words. */
const denoCertificates = /invalid peer certificate|NotValidForName|UnknownIssuer|CertificateExpired/i

const notTls =
  /wrong version number|packet length too long|unknown protocol|ERR_SSL_|invalid message|corrupt message|HPE_|Parse Error|plain HTTP/i

/** The error behind a failed fetch: the one with a code, however deep. */
const deepest = (cause: unknown): { readonly code: string; readonly message: string } => {
  let found = { code: "", message: cause instanceof Error ? cause.message : String(cause) }
  for (let e = cause, depth = 0; e instanceof Error && depth < 5; depth++) {
    const code = (e as NodeJS.ErrnoException).code
    if (typeof code === "string") found = { code, message: e.message === "" ? code : e.message }
    else if (found.code === "" && e.message !== "") found = { code: "", message: e.message }
    e = e instanceof AggregateError && e.errors.length > 0 ? e.errors[0] : e.cause
  }
  return found
}

/** undici's words for time limits, in ours. */
const timedOut = (code: string, message: string): string | undefined => {
  if (code === "UND_ERR_CONNECT_TIMEOUT") {
    const ms = /timeout: (\d+)ms/.exec(message)?.[1]
    return `no connection within ${ms === undefined ? "the time limit" : `${Math.round(Number(ms) / 1000)} s`}`
  }
  return code === "UND_ERR_HEADERS_TIMEOUT" || code === "UND_ERR_BODY_TIMEOUT" ? "it fell silent" : undefined
}

/** The error of a connection. `sent`: the request may have reached the server. */
export const fromNetwork = (cause: unknown, sent = true): ApiError => {
  if (cause instanceof ApiError) return cause
  const { code, message } = deepest(cause)
  const shown =
    timedOut(code, message) ?? harmless(code === "" || message.includes(code) ? message : `${message} (${code})`)
  if (certificates.test(code) || denoCertificates.test(message))
    return new ApiError({ reason: "Certificate", message: shown })
  if (notTls.test(code) || notTls.test(message))
    return new ApiError({
      reason: "NotApi",
      message: `it speaks no TLS that could be understood (${code || "no code"})`
    })
  if (never.has(code)) return new ApiError({ reason: "Unreachable", message: shown })
  return new ApiError({ reason: sent ? "Lost" : "Unreachable", message: shown, doubt: sent })
}
