/** SHA-256 of texts, hex. Digests identify models, bodies and plans across processes. */
import { sha256 } from "@noble/hashes/sha2.js"
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js"

export const digest = (text: string): string => bytesToHex(sha256(utf8ToBytes(text)))

/** JSON with sorted keys: equal values have equal digests. */
export const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, v: unknown) =>
    typeof v === "object" && v !== null && !Array.isArray(v)
      ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : v
  )

export const digestBytes = (bytes: Uint8Array): string => bytesToHex(sha256(bytes))
