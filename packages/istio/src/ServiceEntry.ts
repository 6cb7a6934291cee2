/** ServiceEntry: a host that proxies know, with the endpoints behind it. Empty lists and maps are left out. */
import { type Metadata, networking, type Strings } from "./Metadata.ts"

export type Resolution = "NONE" | "STATIC" | "DNS" | "DNS_ROUND_ROBIN" | "DYNAMIC_DNS"

export type Endpoint = {
  /** IP or DNS name. */
  readonly address: string
  readonly labels?: Strings
  /** `region/zone/subzone`, from the left. */
  readonly locality?: string
  /** Port number by port name, where it differs from what clients dial. */
  readonly ports?: { readonly [name: string]: number }
  readonly weight?: number
}

export type Port = {
  readonly name: string
  /** What clients dial. */
  readonly number: number
  readonly protocol: string
}

export type Spec = {
  readonly addresses?: ReadonlyArray<string>
  readonly endpoints?: ReadonlyArray<Endpoint>
  readonly exportTo?: ReadonlyArray<string>
  readonly hosts: ReadonlyArray<string>
  /** Istio's default, MESH_EXTERNAL, is left out. */
  readonly location?: "MESH_INTERNAL"
  readonly ports?: ReadonlyArray<Port>
  readonly resolution?: Resolution
}

export type ServiceEntry = {
  readonly apiVersion: typeof networking
  readonly kind: "ServiceEntry"
  readonly metadata: Metadata
  readonly spec: Spec
}

type Loose<T> = { readonly [K in keyof T]: T[K] | undefined }

/** Members in printing order, so that emission has nothing to sort. */
export const endpoint = (e: Pick<Endpoint, "address"> & Partial<Loose<Endpoint>>): Endpoint => {
  const out: { -readonly [K in keyof Endpoint]: Endpoint[K] } = { address: e.address }
  if (e.labels !== undefined) out.labels = e.labels
  if (e.locality !== undefined) out.locality = e.locality
  if (e.ports !== undefined) out.ports = e.ports
  if (e.weight !== undefined) out.weight = e.weight
  return out
}

export const serviceEntry = (metadata: Metadata, s: Pick<Spec, "hosts"> & Partial<Loose<Spec>>): ServiceEntry => {
  const spec: { -readonly [K in keyof Spec]?: Spec[K] } = {}
  if (s.addresses !== undefined && s.addresses.length > 0) spec.addresses = s.addresses
  if (s.endpoints !== undefined && s.endpoints.length > 0) spec.endpoints = s.endpoints
  if (s.exportTo !== undefined && s.exportTo.length > 0) spec.exportTo = s.exportTo
  spec.hosts = s.hosts
  if (s.location !== undefined) spec.location = s.location
  if (s.ports !== undefined && s.ports.length > 0) spec.ports = s.ports
  if (s.resolution !== undefined) spec.resolution = s.resolution
  return { apiVersion: networking, kind: "ServiceEntry", metadata, spec: spec as Spec }
}
