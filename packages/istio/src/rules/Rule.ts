/**
 * What a rule is, and how it reports. Rules read objects that may hold anything: wrong types are findings or are
 * skipped, never exceptions.
 */
import type { KubernetesObject } from "@coddiwomple/core/Artifact"
import type { Code } from "@coddiwomple/core/Catalogue"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"

/** What is known of the place an object goes to. A cluster of the model fits. */
export interface Where {
  /** Name of the cluster, for the message. */
  readonly name?: string
  /** Istio gives addresses to ServiceEntries without any, and the proxies capture DNS. */
  readonly autoAllocate?: boolean
}

export type Kind = "ServiceEntry" | "Gateway" | "VirtualService" | "DestinationRule"

export interface Rule {
  /** Number in the list of rules: `V1`. */
  readonly id: string
  readonly code: Code
  /** Istio kinds it speaks of; every object where absent. */
  readonly kinds?: ReadonlyArray<Kind>
  readonly check: (object: KubernetesObject, report: Report, where: Where) => void
}

/** Collects the findings about one object. */
export class Report {
  readonly findings: Array<Diagnostic.Diagnostic> = []
  private readonly object: KubernetesObject
  private readonly where: Where

  constructor(object: KubernetesObject, where: Where) {
    this.object = object
    this.where = where
  }

  error(code: Code, message: string, field?: string): void {
    this.findings.push(Diagnostic.error(code, this.say(message), this.details(field)))
  }

  warning(code: Code, message: string, field?: string): void {
    this.findings.push(Diagnostic.warning(code, this.say(message), this.details(field)))
  }

  private say(message: string): string {
    return `${text(this.object.kind)} ${text(map(this.object.metadata).name)}: ${message}`
  }

  private details(field: string | undefined) {
    const { name, namespace } = map(this.object.metadata)
    const object = {
      apiVersion: text(this.object.apiVersion),
      kind: text(this.object.kind),
      ...(typeof namespace === "string" ? { namespace } : {}),
      name: text(name),
      ...(this.where.name === undefined ? {} : { cluster: this.where.name })
    }
    return { object, field }
  }
}

const nothing: Readonly<Record<string, unknown>> = {}
const none: ReadonlyArray<unknown> = []

export const map = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : nothing

export const list = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : none)

/** For a message: strings as they are but not endless, everything else as JSON. */
export const text = (value: unknown): string => {
  const out = typeof value === "string" ? value : (JSON.stringify(value) ?? String(value))
  return out.length > 80 ? `${out.slice(0, 80)}…` : out
}

export const spec = (object: KubernetesObject): Readonly<Record<string, unknown>> => map(object.spec)
