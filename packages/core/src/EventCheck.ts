/**
 * What a source says is foreign: its shape is looked at before the fold takes it in, so that a slip of one plugin is a
 * finding against that source and not a crash of all. Whether names and numbers make sense is the model's question.
 */
import type { Fact, SourceEvent } from "./Fact.ts"
import { permanent } from "./PluginError.ts"

const isText = (value: unknown): boolean => typeof value === "string"
const isObject = (value: unknown): value is object => typeof value === "object" && value !== null

const texts = (value: unknown): boolean => Array.isArray(value) && value.every(isText)

const ports = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.every(
    (port) =>
      isObject(port) &&
      isText((port as { name?: unknown }).name) &&
      isText((port as { protocol?: unknown }).protocol) &&
      typeof (port as { port?: unknown }).port === "number"
  )

/** The member that is missing or of the wrong shape, or undefined. */
const flaw = (fact: Fact): string | undefined => {
  if (!isObject(fact)) return "it is no object"
  if (!isObject(fact.origin) || !isText(fact.origin.label)) return "`origin.label` is not a string"
  switch (fact.kind) {
    case "cluster":
      if (!isText(fact.name)) return "`name` is not a string"
      return texts(fact.addresses) ? undefined : "`addresses` is not a list of strings"
    case "service":
      if (!isText(fact.name)) return "`name` is not a string"
      if (!texts(fact.prefixes)) return "`prefixes` is not a list of strings"
      return ports(fact.ports) ? undefined : "`ports` is not a list of { name, protocol, port, backendPort }"
    case "backend":
      if (!isText(fact.service)) return "`service` is not a string"
      if (!isText(fact.cluster)) return "`cluster` is not a string"
      return isText(fact.host) ? undefined : "`host` is not a string"
    default:
      return "`kind` is not cluster, service or backend"
  }
}

/** Throws a PluginError that names the first fact that is none. */
export const checkEvent = (event: SourceEvent): void => {
  const facts: unknown =
    event._tag === "Snapshot" ? event.facts : event._tag === "Delta" ? event.upserts : ([] as ReadonlyArray<Fact>)
  if (!Array.isArray(facts))
    throw permanent(`what it says of ${String((event as { partition?: unknown }).partition)} is no list of facts`)
  for (let i = 0; i < facts.length; i++) {
    const found = flaw(facts[i])
    if (found !== undefined) throw permanent(`fact ${i + 1} of a ${event._tag.toLowerCase()} is not a fact: ${found}`)
  }
}
