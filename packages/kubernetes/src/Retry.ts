/** When a failed request is tried again: by its reason, with full jitter, never beyond its budget. Pure. */
import type { ApiError, Reason } from "./ApiError.ts"

const forever = Number.POSITIVE_INFINITY

/** Attempts in all, by reason; 1 where trying again mends nothing. */
const attempts: Readonly<Record<Reason, number>> = {
  Unreachable: forever,
  Lost: forever,
  Busy: forever,
  Server: 8,
  Modified: 5,
  Exists: 5,
  Webhook: 3,
  Full: 2,
  Certificate: 1,
  Credentials: 1,
  NotApi: 1,
  Unauthorized: 1,
  Forbidden: 1,
  Terminating: 1,
  NotFound: 1,
  Conflict: 1,
  Precondition: 1,
  Gone: 1,
  Invalid: 1,
  TooLarge: 1
}

const first = 200
const most = 30_000

/** Milliseconds to wait before the next attempt, or undefined when there is none. The server's Retry-After is the least. */
export const delay = (
  error: ApiError,
  method: string,
  made: number,
  elapsed: number,
  budget: number,
  random: number
): number | undefined => {
  // A write that names what it expects cannot go better; an apply can.
  if (method !== "PATCH" && (error.reason === "Modified" || error.reason === "Exists")) return undefined
  if (made >= attempts[error.reason]) return undefined
  const wait = Math.max(error.retryAfter ?? 0, random * Math.min(most, first * 2 ** (made - 1)))
  return elapsed + wait > budget ? undefined : wait
}

/** Retry-After in milliseconds: seconds or a date, at most a minute. */
export const retryAfter = (header: string | undefined, now: number): number | undefined => {
  if (header === undefined) return undefined
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - now
  return Number.isNaN(ms) ? undefined : Math.min(60_000, Math.max(0, ms))
}
