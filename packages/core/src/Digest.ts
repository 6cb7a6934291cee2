/**
 * SHA-256 of texts, hex. Digests identify models, bodies and plans across processes.
 * Where the host has a native implementation it is used (thirty times as fast); it is asked for, never imported.
 */
import { sha256 } from "@noble/hashes/sha2.js"
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js"

/** Portable, for hosts without a native one, and the oracle of the tests. */
export const portable = (bytes: Uint8Array): string => bytesToHex(sha256(bytes))

type Native = (algorithm: string, data: string | Uint8Array, encoding: "hex") => string

const native: Native | undefined = globalThis.process?.getBuiltinModule?.("node:crypto")?.hash

/** Of the text's UTF-8; an unpaired surrogate counts as U+FFFD. */
export const digest = (text: string): string =>
  native === undefined ? portable(utf8ToBytes(text)) : native("sha256", text, "hex")

export const digestBytes = (bytes: Uint8Array): string =>
  native === undefined ? portable(bytes) : native("sha256", bytes, "hex")

/** JSON with sorted keys: equal values have equal digests. */
export const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, v: unknown) =>
    typeof v === "object" && v !== null && !Array.isArray(v)
      ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : v
  )
