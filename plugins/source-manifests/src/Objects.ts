/**
 * Parsed pieces as Services. Whatever is in a file is checked before anything is made of it; what is no Service is passed
 * over, and a Service that cannot be read is told with its place.
 */
import { isPort } from "@coddiwomple/core/Names"
import { yamlProblem } from "@coddiwomple/kubernetes/Harmless"
import type { ServiceObject } from "@coddiwomple/kubernetes/ServiceFacts"
import { type Document, isCollection, isMap, isScalar, isSeq, type Node, parseDocument } from "yaml"
import type { Piece } from "./Pieces.ts"

export interface Problem {
  readonly message: string
  /** In the piece. */
  readonly offset: number
  readonly end: number
  readonly help?: string
}

export interface Found {
  /** In the piece: where the object begins, as a path. */
  readonly path: ReadonlyArray<string | number>
  readonly service: ServiceObject
}

export interface Parsed {
  readonly found: ReadonlyArray<Found>
  /** Services that cannot be used, by name where they have one. */
  readonly bad: ReadonlyArray<Bad>
  /** The text is no YAML, or holds something else than objects: nothing in it counts, nothing may be taken for gone. */
  readonly broken?: Problem
  /** Something in it has an apiVersion and a kind. */
  readonly object: boolean
}

export interface Bad extends Problem {
  readonly name?: string
  readonly namespace?: string
  /** It ends before its `spec`: at the end of a file, the rest of that is missing. */
  readonly cut?: boolean
}

const nothing: Parsed = { found: [], bad: [], object: false }

export const rendered = "render it again, and name only files with Kubernetes objects in `paths`"

const options = { prettyErrors: false, strict: true, merge: true, logLevel: "silent", keepSourceTokens: false } as const

export const read = ({ text }: Piece): Parsed => {
  const document = parseDocument(text, options)
  const error = document.errors[0]
  if (error !== undefined) {
    const template = /\{\{/.test(text)
      ? "this looks like a template: render it first, as with `helm template`"
      : undefined
    return {
      ...nothing,
      broken: {
        message: yamlProblem(error.message.split("\n")[0]!),
        offset: error.pos[0],
        end: error.pos[1],
        ...(template === undefined ? {} : { help: template })
      }
    }
  }
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: 100 })
  } catch (cause) {
    const message = yamlProblem(cause instanceof Error ? cause.message : String(cause))
    return { ...nothing, broken: { message, offset: 0, end: 1 } }
  }
  if (document.contents === null) return nothing
  const strange = oddity(value)
  if (strange !== undefined)
    return { ...nothing, broken: { message: strange, help: rendered, ...spanOf(document, []) } }
  const found: Array<Found> = []
  const bad: Array<Bad> = []
  let any = false
  const walk = (object: unknown, path: ReadonlyArray<string | number>, depth: number): void => {
    if (!isObject(object)) return
    const { apiVersion, items, kind } = object
    any ||= typeof apiVersion === "string" && typeof kind === "string"
    if (typeof kind === "string" && kind.endsWith("List") && Array.isArray(items)) {
      if (depth < 3)
        items.forEach((item, i) =>
          walk(
            kind === "ServiceList" && isObject(item) ? { apiVersion: "v1", kind: "Service", ...item } : item,
            [...path, "items", i],
            depth + 1
          )
        )
      return
    }
    // Knative's and others' Services have another apiVersion.
    if (kind !== "Service" || apiVersion !== "v1") return
    const wrong = problem(object)
    if (wrong === undefined) return void found.push({ path, service: object as unknown as ServiceObject })
    const { name, namespace } = (isObject(object["metadata"]) ? object["metadata"] : {}) as Record<string, unknown>
    bad.push({
      message: `${wrong[0].join(".")} must be ${wrong[1]}`,
      ...spanOf(document, [...path, ...wrong[0]]),
      ...(typeof name === "string" ? { name } : {}),
      ...(typeof namespace === "string" ? { namespace } : {}),
      ...(isObject(object["spec"]) ? {} : { cut: true })
    })
  }
  walk(value, [], 0)
  return { found, bad, object: any }
}

/** What a document is instead of an object. A mapping without both keys may be anything, and is passed over. */
const oddity = (value: unknown): string | undefined => {
  if (!isObject(value)) return "this is no mapping, and so no Kubernetes object"
  if (typeof value["apiVersion"] === "string" && typeof value["kind"] !== "string")
    return "this has an apiVersion but no kind: the rest seems to be missing"
  if (Array.isArray(value["items"]) && value["apiVersion"] === "v1" && !String(value["kind"]).endsWith("List"))
    return "this has items, but its kind is no List: the rest seems to be missing"
  const keys = Object.keys(value)
  return keys.includes("kind") && keys.every((key) => key === "apiVersion" || key === "kind")
    ? "this ends behind its kind: the rest is missing"
    : undefined
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

type Wrong = readonly [path: ReadonlyArray<string | number>, wanted: string]

/** What makes it no Service; Kubernetes would refuse it as well. */
const problem = (object: Readonly<Record<string, unknown>>): Wrong | undefined => {
  const { metadata, spec } = object
  if (!isObject(metadata)) return [["metadata"], "a mapping"]
  if (typeof metadata["name"] !== "string" || metadata["name"] === "") return [["metadata", "name"], "a text"]
  if (metadata["namespace"] !== undefined && typeof metadata["namespace"] !== "string")
    return [["metadata", "namespace"], "a text"]
  for (const key of ["labels", "annotations"]) {
    const map = metadata[key]
    if (map === undefined || map === null) continue
    if (!isObject(map)) return [["metadata", key], "a mapping"]
    for (const [k, v] of Object.entries(map))
      if (typeof v !== "string") return [["metadata", key, k], "a text: quote it"]
  }
  if (!isObject(spec)) return [["spec"], "a mapping"]
  for (const key of ["type", "clusterIP", "externalName"])
    if (spec[key] !== undefined && spec[key] !== null && typeof spec[key] !== "string") return [["spec", key], "a text"]
  const ports = spec["ports"]
  // Only what has no address of its own may have no ports.
  if (ports === undefined || ports === null)
    return spec["clusterIP"] === "None" || spec["type"] === "ExternalName" ? undefined : [["spec", "ports"], "a list"]
  if (!Array.isArray(ports)) return [["spec", "ports"], "a list"]
  for (const [i, port] of ports.entries()) {
    if (!isObject(port)) return [["spec", "ports", i], "a mapping"]
    if (!isPort(port["port"])) return [["spec", "ports", i, "port"], "a number from 1 to 65535"]
    for (const key of ["name", "protocol", "appProtocol"])
      if (port[key] !== undefined && port[key] !== null && typeof port[key] !== "string")
        return [["spec", "ports", i, key], "a text: quote it"]
    const target = port["targetPort"]
    if (target !== undefined && target !== null && typeof target !== "number" && typeof target !== "string")
      return [["spec", "ports", i, "targetPort"], "a number or a name"]
  }
  return undefined
}

export interface Span {
  readonly offset: number
  readonly end: number
}

/** Where a path stands, or the nearest thing above it that is there. */
export const spanOf = (document: Document.Parsed, path: ReadonlyArray<string | number>): Span => {
  let node: unknown = document.contents
  let span: Span = rangeOf(node) ?? { offset: 0, end: 1 }
  for (const step of path) {
    let next: unknown
    if (isMap(node)) {
      const pair = node.items.find((p) => isScalar(p.key) && p.key.value === step)
      next = pair?.value
      span = rangeOf(pair?.key) ?? span
    } else if (isSeq(node)) {
      next = node.items[Number(step)]
      span = rangeOf(next) ?? span
    }
    if (next === undefined) break
    node = next
  }
  return isCollection(node) ? span : (rangeOf(node) ?? span)
}

const rangeOf = (node: unknown): Span | undefined => {
  const range = (node as Node | undefined)?.range
  return range === undefined || range === null ? undefined : { offset: range[0], end: range[1] }
}

/** The place of a path in a piece; costs a parse, and is asked only for findings. */
export const locate = ({ text }: Piece, path: ReadonlyArray<string | number>): Span =>
  spanOf(parseDocument(text, options), path)
