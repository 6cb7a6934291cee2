/** What a client wraps around a call to one endpoint: decided by the DestinationRule, else by the endpoint itself. */
import { istioSni } from "../Protocol.ts"
import { map } from "../rules/Rule.ts"
import type { policyOf } from "./Balance.ts"
import type { Endpoint, Entry, Path } from "./Parsed.ts"

export interface Wrapping {
  readonly mode: "mtls" | "tls" | "none"
  /** What the other side chooses by; absent without TLS, and where the application's own Host header becomes it. */
  readonly sni?: string
  /** In words: why. */
  readonly why: string
  /** In the DestinationRule, or undefined where the endpoint decides. */
  readonly path?: Path
}

export const wrapping = (
  { fields, at }: ReturnType<typeof policyOf>,
  entry: Entry,
  endpoint: Endpoint,
  host: string,
  port: number,
  selective: boolean
): Wrapping => {
  const path = at("tls")
  const tls = map(fields.tls)
  const sni = typeof tls.sni === "string" && tls.sni !== "" ? tls.sni : undefined
  const istio = istioSni(port, host)
  switch (fields.tls === undefined ? "" : tls.mode) {
    case "ISTIO_MUTUAL":
      return { mode: "mtls", sni: sni ?? istio, why: "the DestinationRule says ISTIO_MUTUAL", path }
    case "SIMPLE":
    case "MUTUAL": {
      const secret = tls.credentialName
      // Sidecars build no TLS for it unless the rule names its workloads.
      if (typeof secret === "string" && !secret.startsWith("configmap://") && !selective)
        return { mode: "none", why: "sidecars ignore credentialName without workloadSelector and send plaintext", path }
      return {
        mode: "tls",
        ...(sni === undefined ? {} : { sni }),
        why: `the DestinationRule says ${String(tls.mode)}`,
        path
      }
    }
    case "DISABLE":
      return { mode: "none", why: "the DestinationRule says DISABLE", path }
    default:
      if (entry.internal && endpoint.takesMtls)
        return { mode: "mtls", sni: istio, why: "the endpoint takes mTLS (tlsMode: istio)" }
      return {
        mode: "none",
        why: entry.internal
          ? "neither a DestinationRule nor the endpoint's tlsMode asks for TLS"
          : "MESH_EXTERNAL hosts get no mTLS by themselves"
      }
  }
}
