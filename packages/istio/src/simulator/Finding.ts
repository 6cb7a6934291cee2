/** What can be wrong with a route. One kind per way in which real meshes went wrong; each is found from objects alone. */
import type { Severity } from "@coddiwomple/core/Diagnostic"
import type { Cause } from "./Place.ts"

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
