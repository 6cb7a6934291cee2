/**
 * From Services to facts, with the least memory: what many Services have in common is kept once, and where a fact came
 * from is worked out when somebody asks.
 */
import type { ObjectRef } from "@coddiwomple/core/Diagnostic"
import type { BackendFact, Fact, Origin, ServiceFact } from "@coddiwomple/core/Fact"
import type { Raw } from "@coddiwomple/kubernetes/List"
import { type Naming, serviceFacts, type ServiceObject, type Spoken } from "@coddiwomple/kubernetes/ServiceFacts"

/** A cluster as the place that facts come from; one object for all of them. */
export interface Place {
  readonly label: string
  readonly cluster: string
}

export const placeOf = (cluster: string): Place => ({ label: `cluster ${cluster}`, cluster })

const objectOf = (at: Place, id: string): ObjectRef => {
  const dot = id.indexOf(".")
  return {
    apiVersion: "v1",
    kind: "Service",
    namespace: id.slice(dot + 1),
    name: id.slice(0, dot),
    cluster: at.cluster
  }
}

export class LiveOrigin implements Origin {
  private readonly at: Place
  /** `name.namespace` */
  private readonly id: string

  constructor(at: Place, id: string) {
    this.at = at
    this.id = id
  }

  get label(): string {
    return this.at.label
  }

  get object(): ObjectRef {
    return objectOf(this.at, this.id)
  }
}

/**
 * What nearly all Services say: a service and a backend, nothing else. It is the origin of both, which saves an object
 * each; the private names keep that circle from whoever prints a fact.
 */
export class Plain implements Origin {
  readonly #at: Place
  readonly #service: ServiceFact
  readonly #backend: BackendFact

  /** Takes both facts over: nobody else has seen them. */
  constructor(at: Place, service: ServiceFact, backend: BackendFact) {
    this.#at = at
    this.#service = Object.assign(service, { origin: this })
    this.#backend = Object.assign(backend, { origin: this })
  }

  get facts(): ReadonlyArray<Fact> {
    return [this.#service, this.#backend]
  }

  get label(): string {
    return this.#at.label
  }

  get object(): ObjectRef {
    return objectOf(this.#at, this.#backend.service)
  }
}

/** What one Service says. */
export type Word = Plain | Spoken

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

export const reader = (naming: Naming): ((object: Raw, id: string) => Word) => {
  const at = placeOf(naming.cluster)
  const texts = new Shared<string>()
  const ports = new Shared<ServiceFact["ports"]>()
  return (object, id) => {
    const { namespace: found = "default" } = object.metadata
    const namespace = texts.keep(found, found)
    const { labels: _labels, ...metadata } = object.metadata
    const placed = { ...object, metadata: { ...metadata, namespace } } as ServiceObject
    const spoken = serviceFacts(placed, naming, new LiveOrigin(at, id), id)
    for (const fact of spoken.facts) {
      // Nobody else has seen it yet.
      if (fact.kind === "service") Object.assign(fact, { ports: ports.keep(JSON.stringify(fact.ports), fact.ports) })
    }
    const [service, backend] = spoken.facts
    return service?.kind === "service" && backend?.kind === "backend" && spoken.diagnostics.length === 0
      ? new Plain(at, service, backend)
      : spoken
  }
}
