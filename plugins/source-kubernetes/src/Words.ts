/**
 * From Services to facts, with the least memory: what many Services have in common is kept once, and where a fact came
 * from is worked out when somebody asks.
 */
import type { ObjectRef } from "@coddiwomple/core/Diagnostic"
import type { BackendFact, BadEntry, Fact, Origin, ServiceFact } from "@coddiwomple/core/Fact"
import type * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { Raw } from "@coddiwomple/kubernetes/List"
import { type Naming, serviceFacts, type ServiceObject } from "@coddiwomple/kubernetes/ServiceFacts"

export class LiveOrigin implements Origin {
  readonly label: string
  private readonly cluster: string
  private readonly namespace: string
  private readonly name: string

  constructor(label: string, cluster: string, namespace: string, name: string) {
    this.label = label
    this.cluster = cluster
    this.namespace = namespace
    this.name = name
  }

  get object(): ObjectRef {
    return { apiVersion: "v1", kind: "Service", namespace: this.namespace, name: this.name, cluster: this.cluster }
  }
}

/** What one Service says. Nearly all say facts and nothing else. */
export type Word =
  | ReadonlyArray<Fact>
  | {
      readonly facts: ReadonlyArray<Fact>
      readonly bad: ReadonlyArray<BadEntry>
      readonly diagnostics: ReadonlyArray<Diagnostic.Diagnostic>
    }

export const factsOf = (word: Word): ReadonlyArray<Fact> => ("facts" in word ? word.facts : word)

const most = 10_000

/** Equal values as one value. */
class Shared<A> {
  private readonly known = new Map<string, A>()

  keep(key: string, value: A): A {
    const found = this.known.get(key)
    if (found !== undefined) return found
    if (this.known.size >= most) this.known.clear()
    this.known.set(key, value)
    return value
  }
}

export const reader = (naming: Naming): ((object: Raw) => Word) => {
  const label = `cluster ${naming.cluster}`
  const texts = new Shared<string>()
  const ports = new Shared<ServiceFact["ports"]>()
  return (object) => {
    const { name, namespace: found = "default" } = object.metadata
    const namespace = texts.keep(found, found)
    const { labels: _labels, ...metadata } = object.metadata
    const origin = new LiveOrigin(label, naming.cluster, namespace, name)
    const spoken = serviceFacts({ ...object, metadata: { ...metadata, namespace } } as ServiceObject, naming, origin)
    const facts = spoken.facts.map((fact): ServiceFact | BackendFact =>
      fact.kind === "service" ? { ...fact, ports: ports.keep(JSON.stringify(fact.ports), fact.ports) } : fact
    )
    return spoken.bad.length + spoken.diagnostics.length === 0 ? facts : { ...spoken, facts }
  }
}
