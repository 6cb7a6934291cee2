/** What can be wrong with a route. One kind per way in which real meshes went wrong; each is found from objects alone. */
import type { Code } from "@coddiwomple/core/Catalogue"
import type { Diagnostic, Severity } from "@coddiwomple/core/Diagnostic"
import { type Cause, shown } from "./Place.ts"

export type FindingKind =
  | "undeliverable"
  | "loop"
  | "plaintext"
  | "port-mismatch"
  | "wrong-backend"
  | "shadowed-host"
  | "misrouted"
  | "no-gateway-server"
  | "no-failover"
  | "failover-order"
  | "no-outlier-detection"
  | "no-tls-mode"
  | "istiod-crash"

export interface Finding {
  readonly kind: FindingKind
  readonly severity: Severity
  /** One sentence. */
  readonly message: string
  /** What to change. */
  readonly help: string
  /** Objects of clusters; the first is the one to change. */
  readonly causes: ReadonlyArray<Cause>
}

/** Collects findings; a route that is met twice says nothing twice. */
export class Findings {
  readonly all: Array<Finding> = []

  error(kind: FindingKind, message: string, help: string, causes: ReadonlyArray<Cause>): void {
    this.add({ kind, severity: "error", message, help, causes })
  }

  warning(kind: FindingKind, message: string, help: string, causes: ReadonlyArray<Cause>): void {
    this.add({ kind, severity: "warning", message, help, causes })
  }

  add(finding: Finding): void {
    if (!this.all.some((f) => f.kind === finding.kind && f.message === finding.message)) this.all.push(finding)
  }
}

export const codes: Readonly<Record<FindingKind, Code>> = {
  undeliverable: "CW630",
  "no-gateway-server": "CW630",
  "no-tls-mode": "CW630",
  loop: "CW631",
  plaintext: "CW632",
  "port-mismatch": "CW633",
  "wrong-backend": "CW633",
  misrouted: "CW633",
  "shadowed-host": "CW634",
  "no-failover": "CW635",
  "failover-order": "CW635",
  "no-outlier-detection": "CW635",
  "istiod-crash": "CW636"
}

/** A finding as cw says it. */
export const diagnostic = ({ causes, help, kind, message, severity }: Finding): Diagnostic => {
  const [first, ...more] = causes.map(shown)
  const base = { code: codes[kind], severity, message, help }
  if (first === undefined) return base
  const object = (s: typeof first) => ({
    apiVersion: s.kind === "Service" ? "v1" : "networking.istio.io/v1",
    kind: s.kind,
    namespace: s.namespace,
    name: s.name,
    cluster: s.cluster
  })
  return {
    ...base,
    object: object(first),
    field: first.line === undefined ? first.path : `${first.path}, line ${first.line}: ${first.source}`,
    ...(more.length === 0
      ? {}
      : { related: more.map((s) => ({ message: `${s.kind} ${s.namespace}/${s.name} in ${s.cluster}: ${s.path}` })) })
  }
}
