/**
 * Parsed pieces as Services. Whatever is in a file is checked before anything is made of it; what is no Service is passed
 * over, and a Service that cannot be read is told with its place.
 */
import { isPort } from "@coddiwomple/core/Names"
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
  readonly bad: ReadonlyArray<Problem & { readonly name?: string; readonly namespace?: string }>
  /** The text is no YAML: nothing in it counts, and nothing may be taken for gone. */
  readonly broken?: Problem
}

const options = { prettyErrors: false, strict: true, merge: true, logLevel: "silent", keepSourceTokens: false } as const

export const read = ({ text }: Piece): Parsed => {
  const document = parseDocument(text, options)
  const error = document.errors[0]
  if (error !== undefined) {
    const template = /\{\{/.test(text)
      ? "this looks like a template: render it first, as with `helm template`"
      : undefined
    return {
      found: [],
      bad: [],
      broken: {
        message: error.message.split("\n")[0]!,
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
    const message = cause instanceof Error ? cause.message : String(cause)
    return { found: [], bad: [], broken: { message, offset: 0, end: 1 } }
  }
  const found: Array<Found> = []
  const bad: Array<Parsed["bad"][number]> = []
  const walk = (object: unknown, path: ReadonlyArray<string | number>, depth: number): void => {
    if (!isObject(object)) return
    const { apiVersion, items, kind } = object
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
      ...(typeof namespace === "string" ? { namespace } : {})
    })
  }
  walk(value, [], 0)
  return { found, bad }
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
  if (spec === undefined || spec === null) return undefined
  if (!isObject(spec)) return [["spec"], "a mapping"]
  for (const key of ["type", "clusterIP", "externalName"])
    if (spec[key] !== undefined && spec[key] !== null && typeof spec[key] !== "string") return [["spec", key], "a text"]
  const ports = spec["ports"]
  if (ports === undefined || ports === null) return undefined
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
