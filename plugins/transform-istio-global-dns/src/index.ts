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
import { addressClaims, gatewayClaims, listenerClaims } from "./Claims.ts"
import { renderClassic } from "./Classic.ts"
import { Config, settings as withDefaults } from "./Config.ts"
import { managedBy } from "./Marks.ts"
import { renderMtls } from "./Mtls.ts"
import { renderPlaintext } from "./Plaintext.ts"
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
    const atGateway = profile === "classic" || profile === "plaintext" ? gatewayClaims() : none
    return Effect.succeed(
      Transform.service((service, fleet) => render(service, sites(fleet), settings), {
        claims: (service) => [
          ...atGateway(service),
          ...(modern ? (settings.autoAllocate ? [] : addressClaims(service)) : inClassic(service))
        ],
        fleet: (fleet) => ({
          artifacts: config.createNamespaces ? namespaces(sites(fleet), modern) : [],
          diagnostics: modern ? [...ambient(fleet, profile), ...withoutRegion(fleet, sites(fleet))] : []
        })
      })
    )
  }
})

const renderers = { mtls: renderMtls, tls: renderTls, plaintext: renderPlaintext, classic: renderClassic }

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

const ambient = (fleet: Fleet, profile: string): ReadonlyArray<Diagnostic.Diagnostic> =>
  fleet.clusters
    .filter((cluster) => cluster.dataplane === "ambient")
    .map((cluster) =>
      Diagnostic.warning(
        "CW628",
        `cluster ${cluster.name} is ambient: profile ${profile} makes nothing for it, and nobody reaches its backends`,
        {
          place: cluster.origin.place?.(["dataplane"]),
          help: `profile ${profile} needs sidecars`
        }
      )
    )

/** Before Istio 1.30 local preference goes by region, which the nodes say to the proxies and nobody says to cw. */
const withoutRegion = (fleet: Fleet, { all }: Sites): ReadonlyArray<Diagnostic.Diagnostic> =>
  fleet.clusters
    .filter((cluster) => !all[cluster.index]!.modern && cluster.dataplane !== "ambient" && cluster.region === undefined)
    .map((cluster) =>
      Diagnostic.warning(
        "CW628",
        `cluster ${cluster.name} has an Istio before 1.30 and no region: where its nodes have one, calls do not prefer local backends`,
        {
          place: cluster.origin.place?.(["istio_version"]),
          help: "say its `region`, as the nodes' label topology.kubernetes.io/region does"
        }
      )
    )
