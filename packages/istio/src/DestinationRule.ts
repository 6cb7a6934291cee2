/** DestinationRule: how clients reach the endpoints of a host: TLS, balance, failover. */
import { type Metadata, networking } from "./Metadata.ts"

export type LocalityLb = {
  readonly enabled?: boolean
  /** Labels an endpoint shares with the caller, or `key=value` of the endpoint alone; widest first. */
  readonly failoverPriority?: ReadonlyArray<string>
}

/** Durations as `5s`, at least 1ms, in whole milliseconds. */
export type OutlierDetection = {
  readonly baseEjectionTime?: string
  readonly consecutive5xxErrors?: number
  readonly consecutiveGatewayErrors?: number
  readonly interval?: string
  /** 0 to 100. */
  readonly maxEjectionPercent?: number
}

export type Tls =
  | { readonly mode: "DISABLE" | "ISTIO_MUTUAL" }
  | {
      /** File in the client's proxy. */
      readonly caCertificates?: string
      /** For sidecars only `configmap://<its own namespace>/<name>`. */
      readonly credentialName?: string
      readonly mode: "SIMPLE"
      readonly sni: string
      readonly subjectAltNames: ReadonlyArray<string>
    }

export type PortPolicy = Omit<TrafficPolicy, "portLevelSettings"> & { readonly port: { readonly number: number } }

export type TrafficPolicy = {
  readonly loadBalancer?: {
    readonly localityLbSetting?: LocalityLb
    readonly simple?: "LEAST_REQUEST" | "ROUND_ROBIN" | "RANDOM"
  }
  readonly outlierDetection?: OutlierDetection
  /** A port named here takes nothing from what is said for all. */
  readonly portLevelSettings?: ReadonlyArray<PortPolicy>
  readonly tls?: Tls
}

export type DestinationRule = {
  readonly apiVersion: typeof networking
  readonly kind: "DestinationRule"
  readonly metadata: Metadata
  readonly spec: {
    readonly exportTo?: ReadonlyArray<string>
    readonly host: string
    readonly trafficPolicy: TrafficPolicy
  }
}

export const destinationRule = (
  metadata: Metadata,
  host: string,
  trafficPolicy: TrafficPolicy,
  exportTo?: ReadonlyArray<string>
): DestinationRule => ({
  apiVersion: networking,
  kind: "DestinationRule",
  metadata,
  spec: exportTo === undefined || exportTo.length === 0 ? { host, trafficPolicy } : { exportTo, host, trafficPolicy }
})
