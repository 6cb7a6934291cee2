/** Gateway: what a gateway's proxies listen for. Its name must be a DNS label. */
import { type Metadata, networking, type Strings } from "./Metadata.ts"

export type Server = {
  readonly hosts: ReadonlyArray<string>
  readonly port: { readonly name: string; readonly number: number; readonly protocol: string }
  /** Exactly for the protocols HTTPS and TLS. */
  readonly tls?:
    | { readonly mode: "PASSTHROUGH" | "AUTO_PASSTHROUGH" | "ISTIO_MUTUAL" }
    | { readonly credentialName: string; readonly mode: "SIMPLE" }
}

export type Gateway = {
  readonly apiVersion: typeof networking
  readonly kind: "Gateway"
  readonly metadata: Metadata
  readonly spec: { readonly selector: Strings; readonly servers: ReadonlyArray<Server> }
}

export const gateway = (metadata: Metadata, selector: Strings, servers: ReadonlyArray<Server>): Gateway => ({
  apiVersion: networking,
  kind: "Gateway",
  metadata,
  spec: { selector, servers }
})
