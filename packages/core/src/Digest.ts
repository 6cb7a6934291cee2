/**
 * SHA-256 of texts, hex. Digests identify models, bodies and plans across processes.
 * Where the host has a native implementation it is used (thirty times as fast); it is asked for, never imported.
 */
import { sha256 } from "@noble/hashes/sha2.js"
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js"

/** Portable, for hosts without a native one, and the oracle of the tests. */
export const portable = (bytes: Uint8Array): string => bytesToHex(sha256(bytes))

type Native = (algorithm: string, data: string | Uint8Array, encoding: "hex") => string

let native: Native | undefined
let asked = false

/** Asked for at the first digest: it takes the runtime milliseconds to load. */
const hash = (): Native | undefined => {
  if (!asked) native = globalThis.process?.getBuiltinModule?.("node:crypto")?.hash
  asked = true
  return native
}

/** Of the text's UTF-8; an unpaired surrogate counts as U+FFFD. */
export const digest = (text: string): string => hash()?.("sha256", text, "hex") ?? portable(utf8ToBytes(text))

export const digestBytes = (bytes: Uint8Array): string => hash()?.("sha256", bytes, "hex") ?? portable(bytes)

/** JSON with sorted keys: equal values have equal digests. */
export const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, v: unknown) =>
    typeof v === "object" && v !== null && !Array.isArray(v)
      ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : v
  )
