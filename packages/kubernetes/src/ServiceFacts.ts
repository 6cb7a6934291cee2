/**
 * What a Kubernetes Service says to cw: a declaration and a backend, or an honest word on why it says nothing.
 * Shared by every source that reads Services, live or from manifests, so that the same object always means the same.
 * Hosts are `<name>.<namespace>`; the bare name only by annotation or configuration, never because it is unambiguous today.
 */
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import {
  type BackendFact,
  type BadEntry,
  type Origin,
  type Protocol,
  protocols,
  type ServiceFact,
  type ServicePort,
  type Traffic,
  trafficPolicies
} from "@coddiwomple/core/Fact"
import { isDnsLabel, isPort } from "@coddiwomple/core/Names"
import * as Suggest from "@coddiwomple/core/Suggest"

/** The part of a Service that is read; anything else of the object is ignored. */
export interface ServiceObject {
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly spec?: {
    readonly type?: string
    readonly clusterIP?: string
    readonly externalName?: string
    readonly ports?: ReadonlyArray<{
      readonly name?: string
      readonly port: number
      readonly protocol?: string
      readonly appProtocol?: string
      readonly targetPort?: number | string
    }>
  }
}

export interface Naming {
  readonly cluster: string
  /** Cluster domain, `cluster.local` where nothing else is known. */
  readonly domain: string
  /** Namespaces whose Services also get their bare name. */
  readonly bareNames: ReadonlySet<string>
}

export interface Spoken {
  readonly facts: ReadonlyArray<ServiceFact | BackendFact>
  readonly bad: ReadonlyArray<BadEntry>
  /** Ports and objects that are left out. */
  readonly diagnostics: ReadonlyArray<Diagnostic.Diagnostic>
}

const prefix = "coddiwomple.io/"
const known = ["bare-name", "traffic", "consumers", "export-to", "address", "meshed", "weight"] as const

/** Identity of the service that a Service says; in one piece, since a template keeps its parts and there are many. */
export const idOf = ({ metadata: { name, namespace = "default" } }: ServiceObject): string =>
  [name, namespace].join(".")

/** `id`: what `idOf` says, where the caller has it. */
export const serviceFacts = (object: ServiceObject, naming: Naming, origin: Origin, id = idOf(object)): Spoken => {
  const { name, namespace = "default", annotations = {} } = object.metadata
  const out: Array<Diagnostic.Diagnostic> = []
  // A place costs a look at the text: only what has a finding pays for it.
  const at = () => ({ object: origin.object, place: origin.place?.(), service: id })
  const nothing = (message: string): Spoken => ({
    facts: [],
    bad: [],
    diagnostics: [Diagnostic.info("CW409", message, at())]
  })
  if (!isDnsLabel(name) || !isDnsLabel(namespace))
    return nothing(
      `Service ${JSON.stringify(`${namespace}/${name}`.slice(0, 120))} is left out: its name is not a DNS label`
    )
  if (object.spec?.type === "ExternalName")
    return nothing(`Service ${id} in ${naming.cluster} is left out: ExternalName runs nothing in this cluster`)
  const headless = object.spec?.clusterIP === "None"
  const ports: Array<ServicePort> = []
  const errors: Array<Diagnostic.Diagnostic> = []
  for (const port of object.spec?.ports ?? []) {
    const read = servicePort(port, headless)
    if (typeof read === "string")
      out.push(
        Diagnostic.info(
          "CW409",
          `port ${port.name ?? port.port} of ${id} in ${naming.cluster} is left out: ${read}`,
          at()
        )
      )
    else ports.push(read)
  }
  if (ports.length === 0)
    return {
      ...nothing(`Service ${id} in ${naming.cluster} is left out: no usable port`),
      diagnostics: [
        ...out,
        Diagnostic.info("CW409", `Service ${id} in ${naming.cluster} is left out: no usable port`, at())
      ]
    }
  const settings = readAnnotations(annotations, id, at, errors)
  if (errors.length > 0) return { facts: [], bad: [{ service: id, diagnostics: errors }], diagnostics: out }
  const bare = naming.bareNames.has(namespace) || annotations[`${prefix}bare-name`] === "true"
  const { weight, ...declared } = settings
  const service: ServiceFact = { kind: "service", name, namespace, prefixes: bare ? [id, name] : [id], ports, origin }
  const host = [id, naming.domain].join(".svc.")
  const backend: BackendFact = { kind: "backend", service: id, cluster: naming.cluster, host, origin }
  return {
    facts: [Object.assign(service, declared), weight === undefined ? backend : { ...backend, weight }],
    bad: [],
    diagnostics: out
  }
}

type RawPort = NonNullable<NonNullable<ServiceObject["spec"]>["ports"]>[number]

/** The port, or why it is left out. */
const servicePort = (port: RawPort, headless: boolean): ServicePort | string => {
  const transport = port.protocol ?? "TCP"
  if (transport !== "TCP") return `${transport} does not pass the mesh`
  if (!isPort(port.port)) return `${port.port} is not a port number`
  const protocol = protocolOf(port)
  const name = port.name !== undefined && port.name !== "" ? port.name : `${protocol.toLowerCase()}-${port.port}`
  if (!isDnsLabel(name)) return "its name is not a DNS label"
  if (!headless) return { name, protocol, port: port.port, backendPort: port.port }
  // Without a cluster IP clients reach the pods themselves, on their own port.
  const target = port.targetPort ?? port.port
  if (typeof target !== "number")
    return `the Service is headless and its target port "${target}" has a name: pods may differ`
  return { name, protocol, port: port.port, backendPort: target }
}

const appProtocols: Readonly<Record<string, Protocol>> = {
  "kubernetes.io/h2c": "HTTP2",
  "kubernetes.io/ws": "HTTP",
  "kubernetes.io/wss": "HTTPS",
  ws: "HTTP",
  wss: "HTTPS",
  h2c: "HTTP2"
}

/** appProtocol, then the name's prefix (`http-web`), then TCP: what Istio would not guess, we do not guess either. */
export const protocolOf = (port: { readonly name?: string; readonly appProtocol?: string }): Protocol => {
  const app = port.appProtocol?.toLowerCase()
  if (app !== undefined && appProtocols[app] !== undefined) return appProtocols[app]
  return match(app) ?? match(port.name?.toLowerCase()) ?? "TCP"
}

const match = (text: string | undefined): Protocol | undefined => {
  if (text === undefined) return undefined
  if (text === "grpc-web" || text.startsWith("grpc-web-")) return "GRPC-WEB"
  const head = text.split("-")[0]!.toUpperCase()
  return head === "UDP" ? undefined : protocols.find((p) => p === head)
}

const readAnnotations = (
  annotations: Readonly<Record<string, string>>,
  id: string,
  at: () => object,
  errors: Array<Diagnostic.Diagnostic>
) => {
  const problem = (key: string, message: string, help?: string) =>
    errors.push(Diagnostic.error("CW401", `service ${id}: annotation ${prefix}${key}: ${message}`, { ...at(), help }))
  for (const key of Object.keys(annotations)) {
    if (!key.startsWith(prefix)) continue
    const name = key.slice(prefix.length)
    if (!(known as ReadonlyArray<string>).includes(name)) problem(name, "is not known", Suggest.help(name, known))
  }
  const list = (key: string) =>
    annotations[prefix + key]
      ?.split(",")
      .map((s) => s.trim())
      .filter((s) => s !== "")
  const traffic = annotations[`${prefix}traffic`]
  if (traffic !== undefined && !(trafficPolicies as ReadonlyArray<string>).includes(traffic)) {
    problem("traffic", `${JSON.stringify(traffic)} is not a policy`, Suggest.help(traffic, trafficPolicies))
  }
  const meshed = annotations[`${prefix}meshed`]
  if (meshed !== undefined && meshed !== "true" && meshed !== "false") problem("meshed", "must be true or false")
  const weight = annotations[`${prefix}weight`]
  if (weight !== undefined && !/^\d{1,5}$/.test(weight)) problem("weight", "must be a whole number")
  const address = annotations[`${prefix}address`]
  const consumers = list("consumers")
  const exportTo = list("export-to")
  return {
    ...(traffic === undefined ? {} : { traffic: traffic as Traffic }),
    ...(consumers === undefined ? {} : { consumers }),
    ...(exportTo === undefined ? {} : { exportTo }),
    ...(address === undefined ? {} : { address }),
    ...(meshed === undefined ? {} : { meshed: meshed === "true" }),
    ...(weight === undefined ? {} : { weight: Number(weight) })
  }
}
