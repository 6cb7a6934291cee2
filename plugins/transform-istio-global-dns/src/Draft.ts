/**
 * What rendering one service gathers: objects with the clusters they are for, and findings. Every object passes the
 * rules before it becomes an artifact; with an error among the findings nothing is rendered, and the service is held.
 */
import * as Artifact from "@coddiwomple/core/Artifact"
import type { Code } from "@coddiwomple/core/Catalogue"
import type { ClusterSet } from "@coddiwomple/core/ClusterSet"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { Service } from "@coddiwomple/core/Model"
import type { Rendered } from "@coddiwomple/core/Transform"
import { validate, type Where } from "@coddiwomple/istio/Validate"

export class Draft {
  readonly service: Service
  private readonly targets: Array<ClusterSet> = []
  private readonly objects: Array<Artifact.KubernetesObject> = []
  private readonly findings = new Map<string, Diagnostic.Diagnostic>()

  constructor(service: Service) {
    this.service = service
  }

  add(targets: ClusterSet, object: Artifact.KubernetesObject): void {
    this.targets.push(targets)
    this.objects.push(object)
  }

  error(code: Code, message: string, help?: string): void {
    this.find(Diagnostic.error(code, `service ${this.service.identity}: ${message}`, { help }))
  }

  warning(code: Code, message: string, help?: string): void {
    this.find(Diagnostic.warning(code, `service ${this.service.identity}: ${message}`, { help }))
  }

  rendered(where: Where): Rendered {
    for (const object of this.objects) for (const finding of validate(object, where)) this.find(finding)
    const options = { service: this.service.identity }
    const artifacts = () => this.objects.map((object, i) => Artifact.object(this.targets[i]!, object, options))
    if (this.findings.size === 0) return artifacts()
    const diagnostics = [...this.findings.values()]
    return { artifacts: diagnostics.some(Diagnostic.isError) ? [] : artifacts(), diagnostics }
  }

  /** Bodies for different clusters repeat a finding; it is said once. */
  private find(d: Diagnostic.Diagnostic): void {
    const key = `${d.code} ${d.message} ${d.field ?? ""}`
    if (this.findings.has(key)) return
    const { origin, identity } = this.service
    const place = origin.place?.()
    this.findings.set(key, { ...d, service: identity, ...(place === undefined ? {} : { place }) })
  }
}
