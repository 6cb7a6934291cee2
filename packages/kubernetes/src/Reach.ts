/**
 * Which servers were out of reach a moment ago, shared by all clients of the process: who asks next need not wait
 * through the same silence again. Any answer clears it.
 */
import type { ApiError, Reason } from "./ApiError.ts"
import type { Context } from "./Context.ts"

const outages = new Map<string, { readonly error: ApiError; readonly at: number }>()

const keyOf = ({ file, name, server }: Context): string => JSON.stringify([server, file, name])

const silences: ReadonlySet<Reason> = new Set(["Unreachable", "Lost", "Credentials"])

/** Longer ago says nothing about now. */
const fresh = 300_000

export const answered = (context: Context): void => {
  if (outages.size > 0) outages.delete(keyOf(context))
}

/** After the last attempt of a request. */
export const failed = (context: Context, error: ApiError): void => {
  if (silences.has(error.reason)) outages.set(keyOf(context), { error, at: Date.now() })
}

/** Why the server could not be reached, when that was the last thing seen of it. */
export const outage = (context: Context): ApiError | undefined => {
  const known = outages.get(keyOf(context))
  return known !== undefined && Date.now() - known.at < fresh ? known.error : undefined
}
