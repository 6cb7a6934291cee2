/** What a trace is made of: the call, the steps with their causes, and for every endpoint where its calls end. */
import type { Service } from "@coddiwomple/core/Model"
import type { Finding } from "./Finding.ts"
import type { Cause } from "./Place.ts"

export interface Call {
  /** Cluster of the caller. */
  readonly from: string
  readonly host: string
  readonly port: number
  /** Namespace of the caller; `default` where nothing is said. */
  readonly namespace?: string
  /** Clusters whose backend and gateway do not answer. */
  readonly down?: ReadonlySet<string>
  /** Clusters whose backend does not answer. */
  readonly withoutBackend?: ReadonlySet<string>
  /** Clusters whose gateway does not answer. */
  readonly withoutGateway?: ReadonlySet<string>
  /** What was declared: where backends are, and in which order they should be asked. */
  readonly declared?: Service
  /** Only the outcome and what is wrong are wanted: steps are left out. */
  readonly brief?: boolean
}

export type Stage = "name" | "route" | "balance" | "endpoint" | "tls" | "gateway" | "backend"

export interface Step {
  readonly stage: Stage
  readonly cluster: string
  /** One sentence. */
  readonly text: string
  readonly causes: ReadonlyArray<Cause>
}

export interface Failure {
  readonly reason: string
  /** Only because of what the question assumes to be down. */
  readonly supposed: boolean
  /**
   * What the caller's proxy notices: a connection that is refused, an error in place of an answer, or nothing, because a
   * gateway accepts a connection and cuts it later. What it does not notice it never leaves out.
   */
  readonly felt: "connection" | "answer" | "nothing"
}

/** Where a call ends: a Kubernetes Service, or whatever stands behind a plain address. */
export interface Arrival {
  readonly cluster: string
  readonly host: string
  readonly port: number
  readonly cause: Cause
  readonly failure?: Failure
}

/** What can be read on the way between two clusters. `application-tls`: the application's own TLS, untouched. */
export type Edge = "mtls" | "tls" | "application-tls" | "plaintext"

export interface Leg {
  readonly address: string
  readonly port: number
  /** Cluster it leads to. */
  readonly cluster: string
  readonly remote: boolean
  readonly edge: Edge
  /** Share of the calls of its tier, 0 to 1. */
  readonly share: number
  readonly steps: ReadonlyArray<Step>
  readonly arrivals: ReadonlyArray<Arrival>
  readonly failure?: Failure
  readonly cause: Cause
}

export interface Tier {
  readonly legs: ReadonlyArray<Leg>
  /** Some leg delivers. */
  readonly alive: boolean
}

/** `partly`: some calls fail, because nobody leaves out what is dead. */
export type Outcome = "delivered" | "partly" | "undeliverable"

export interface Trace {
  readonly call: Call
  readonly outcome: Outcome
  /** From the name to the choice of endpoints. */
  readonly steps: ReadonlyArray<Step>
  readonly tiers: ReadonlyArray<Tier>
  /** The tier that answers; undefined where nobody does. */
  readonly active?: number
  /** The legs that answer, with their share of all calls. */
  readonly answers: ReadonlyArray<{ readonly leg: Leg; readonly share: number }>
  readonly findings: ReadonlyArray<Finding>
}

/** The first failure among arrivals, where there is one. */
export const failureOf = (arrivals: ReadonlyArray<Arrival>): { readonly failure?: Failure } => {
  const failure = arrivals.find((a) => a.failure !== undefined)?.failure
  return failure === undefined ? {} : { failure }
}
