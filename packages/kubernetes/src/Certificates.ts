/** Checks of client certificates before they are used: a server answers an expired one with nothing but "Unauthorized". */
import { createPrivateKey, X509Certificate } from "node:crypto"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"

export const isPem = (data: Buffer): boolean => data.includes("-----BEGIN ")

/** What is wrong with a certificate and its key. */
export const checkPair = (
  cert: Buffer | undefined,
  key: Buffer | undefined,
  place: Diagnostic.Place,
  owner: string,
  now: number = Date.now()
): ReadonlyArray<Diagnostic.Diagnostic> => {
  if (cert === undefined && key === undefined) return []
  if (cert === undefined || key === undefined) {
    const [has, lacks] =
      cert === undefined ? ["client-key", "client-certificate"] : ["client-certificate", "client-key"]
    return [Diagnostic.error("CW421", `${owner} has a ${has} but no ${lacks}`, { place })]
  }
  let parsed: X509Certificate
  try {
    parsed = new X509Certificate(cert)
  } catch {
    return [Diagnostic.error("CW424", `${owner}: the client certificate cannot be parsed`, { place })]
  }
  const until = Date.parse(parsed.validTo)
  const from = Date.parse(parsed.validFrom)
  if (until < now) {
    const help = "renew the certificate in the kubeconfig"
    return [Diagnostic.error("CW424", `${owner}: the client certificate expired on ${day(until)}`, { place, help })]
  }
  // A little grace: clocks differ, and a certificate made this minute is meant to be used.
  if (from > now + 3_600_000) {
    const help = "check the clock of this machine"
    return [
      Diagnostic.error("CW424", `${owner}: the client certificate is valid only from ${day(from)}`, { place, help })
    ]
  }
  if (!belongs(parsed, key))
    return [Diagnostic.error("CW424", `${owner}: the client key does not belong to the client certificate`, { place })]
  return []
}

const day = (time: number): string => new Date(time).toISOString().slice(0, 10)

const belongs = (cert: X509Certificate, key: Buffer): boolean => {
  try {
    return cert.checkPrivateKey(createPrivateKey(key))
  } catch (cause) {
    // Not every runtime can compare; the server then says it.
    return cause instanceof TypeError || /not (yet )?implemented/i.test(String(cause))
  }
}
