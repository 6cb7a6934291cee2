/**
 * Istio objects that let every workload call `<service>.global` wherever the service runs. A service's objects depend on
 * that service and the fleet alone, so one changed service costs one call.
 */
import * as Artifact from "@coddiwomple/core/Artifact"
import * as ClusterSet from "@coddiwomple/core/ClusterSet"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { Fleet, Service } from "@coddiwomple/core/Model"
import { type PluginError, refused } from "@coddiwomple/core/PluginError"
import * as Transform from "@coddiwomple/core/Transform"
import { metadata } from "@coddiwomple/istio/Metadata"
import { namespace } from "@coddiwomple/istio/Namespace"
import * as Effect from "effect/Effect"
import { addressClaims, doorClaims, gatewayClaims, listenerClaims } from "./Claims.ts"
import { openedClassic, renderClassic } from "./Classic.ts"
import { Config, type Profile, settings as withDefaults } from "./Config.ts"
import { fleetProblems } from "./FleetProblems.ts"
import { managedBy } from "./Marks.ts"
import { renderMtls } from "./Mtls.ts"
import { openedPlaintext, renderPlaintext } from "./Plaintext.ts"
import { remembered, type Sites } from "./Sites.ts"
import { renderTls } from "./Tls.ts"

export default Transform.make({
  type: "istio-global-dns",
  summary: "Istio objects for services that every cluster may call by one name",
  config: Config,
  produces: ["object"],
  examples: [
    { summary: "Meshes with one root CA and Istio's stock east-west gateways", config: {} },
    {
      summary: "A gateway of one's own",
      config: { gateway: { namespace: "istio-gateways", selector: { app: "cw-gateway" }, port: 15443 } }
    },
    {
      summary: "Meshes without a common root: the gateways have certificates of their own",
      config: { profile: "tls", tls: { credentialName: "cw-gateway", caCertificates: "/etc/cw/ca.crt" } }
    },
    { summary: "Nothing is encrypted between clusters", config: { profile: "plaintext", allowPlaintext: true } },
    { summary: "What the original coddiwomple printed", config: { profile: "classic" } }
  ],
  make: (config): Effect.Effect<Transform.TransformImpl, PluginError> => {
    const settings = withDefaults(config)
    const sites = remembered(settings)
    const { profile } = config
    const mtls = profile === "mtls"
    const modern = profile !== "classic"
    if (mtls && settings.configNamespace === settings.gateway.namespace) {
      const message = `\`configNamespace\` and \`gateway.namespace\` are both ${settings.configNamespace}: calls would run in circles`
      return Effect.fail(
        refused([Diagnostic.error("CW631", message, { field: "configNamespace", help: "they must differ" })])
      )
    }
    const render = renderers[profile]
    const inClassic = classicClaims()
    const opens = openers[profile]
    const atGateway = opens === undefined ? none : gatewayClaims((service, fleet) => opens(service, sites(fleet)))
    const behindOne = (service: Service, fleet: Fleet) => {
      const { shared } = sites(fleet)
      return opens === undefined || shared.size === 0 ? [] : doorClaims(service, opens(service, sites(fleet)), shared)
    }
    return Effect.succeed(
      Transform.service((service, fleet) => render(service, sites(fleet), settings), {
        claims: (service, fleet) => [
          ...atGateway(service, fleet),
          ...behindOne(service, fleet),
          ...(modern ? (settings.autoAllocate ? [] : addressClaims(service)) : inClassic(service))
        ],
        fleet: (fleet) => ({
          artifacts: config.createNamespaces ? namespaces(sites(fleet), modern) : [],
          diagnostics: modern ? fleetProblems(fleet, sites(fleet), profile) : []
        })
      })
    )
  }
})

const renderers = { mtls: renderMtls, tls: renderTls, plaintext: renderPlaintext, classic: renderClassic }

/** Where each service port is a port of the gateway. */
const openers: Partial<Record<Profile, (service: Service, sites: Sites) => ReadonlyArray<string>>> = {
  classic: openedClassic,
  plaintext: openedPlaintext
}

const none = () => []

/** In classic only declared addresses are printed. */
const classicClaims = () => {
  const bare = listenerClaims()
  return (service: Service) => (service.addressFrom === "declared" ? addressClaims(service) : bare(service))
}

/** Applied, never deleted: a namespace may hold what others put there. */
const namespaces = (sites: Sites, sidecars: boolean): ReadonlyArray<Artifact.Artifact> =>
  sites.namespaces.flatMap(({ configNamespace, members }) => {
    const targets = sidecars ? ClusterSet.without(members, sites.ambient) : members
    if (ClusterSet.isEmpty(targets)) return []
    return Artifact.object(targets, namespace(metadata(configNamespace, undefined, managedBy)), { ownership: "fields" })
  })
