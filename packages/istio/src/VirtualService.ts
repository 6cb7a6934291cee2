/** VirtualService: routes of a host, at sidecars (`mesh`) and gateways. Route lists that are empty are left out. */
import { type Metadata, networking } from "./Metadata.ts"

export type Destination = {
  readonly destination: { readonly host: string; readonly port?: { readonly number: number } }
  readonly weight?: number
}

export type HttpRoute = {
  readonly match: ReadonlyArray<{ readonly port: number }>
  readonly route: ReadonlyArray<Destination>
}
export type TcpRoute = HttpRoute
export type TlsRoute = {
  readonly match: ReadonlyArray<{ readonly port: number; readonly sniHosts: ReadonlyArray<string> }>
  readonly route: ReadonlyArray<Destination>
}

export type Spec = {
  readonly exportTo?: ReadonlyArray<string>
  /** `mesh`, and gateways by name or `namespace/name`. */
  readonly gateways: ReadonlyArray<string>
  readonly hosts: ReadonlyArray<string>
  readonly http?: ReadonlyArray<HttpRoute>
  readonly tcp?: ReadonlyArray<TcpRoute>
  readonly tls?: ReadonlyArray<TlsRoute>
}

export type VirtualService = {
  readonly apiVersion: typeof networking
  readonly kind: "VirtualService"
  readonly metadata: Metadata
  readonly spec: Spec
}

export const virtualService = (metadata: Metadata, s: Spec): VirtualService => {
  const spec: { -readonly [K in keyof Spec]?: Spec[K] } = {}
  if (s.exportTo !== undefined && s.exportTo.length > 0) spec.exportTo = s.exportTo
  spec.gateways = s.gateways
  spec.hosts = s.hosts
  if (s.http !== undefined && s.http.length > 0) spec.http = s.http
  if (s.tcp !== undefined && s.tcp.length > 0) spec.tcp = s.tcp
  if (s.tls !== undefined && s.tls.length > 0) spec.tls = s.tls
  return { apiVersion: networking, kind: "VirtualService", metadata, spec: spec as Spec }
}
