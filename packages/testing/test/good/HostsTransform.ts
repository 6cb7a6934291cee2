/** The smallest transforms that keep all laws, one of each shape. */
import * as Artifact from "@coddiwomple/core/Artifact"
import type { Fleet, Service } from "@coddiwomple/core/Model"
import { objectName } from "@coddiwomple/core/Names"
import * as Transform from "@coddiwomple/core/Transform"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

const Config = Schema.Struct({
  prefix: Schema.String.annotate({ description: "Before each name" }).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(""))
  )
})

/** A transform of any shape with the same configuration. */
export const transform = (impl: Transform.TransformImpl, produces: ReadonlyArray<"object" | "file"> = ["object"]) =>
  Transform.make({
    type: "test/hosts",
    summary: "Hosts of services",
    config: Config,
    produces,
    examples: [
      { summary: "As they are", config: {} },
      { summary: "With a prefix", config: { prefix: "x-" } }
    ],
    make: () => impl
  })

export const body = (service: Service, data: Readonly<Record<string, string>>): Artifact.KubernetesObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: objectName(service.identity), namespace: "default" },
  data
})

export const hosts = (service: Service, fleet: Fleet, data: Readonly<Record<string, string>> = {}): Artifact.Artifact =>
  Artifact.object(
    fleet.set(service.backends.map((b) => b.index)),
    body(service, { ...data, hosts: service.hosts.join(" "), address: service.address }),
    { service: service.identity }
  )

export const ofService = transform(Transform.service((service, fleet) => [hosts(service, fleet)]))

export const ofModel = transform(
  Transform.model(async ({ model, services }) => [
    Artifact.file(
      model.fleet.all,
      "zones/global.txt",
      services.map((s) => `${s.address} ${s.hosts.join(" ")}\n`).join("")
    )
  ]),
  ["file"]
)

export const ofArtifact = transform(
  Transform.artifact((artifact) => [{ ...artifact, text: `# checked\n${artifact.text}` }])
)

export const ofSet = transform(
  Transform.set(({ cluster, artifacts }) =>
    Effect.succeed([...artifacts].map((a) => ({ ...a, text: `# for ${cluster.name}\n${a.text}` })))
  )
)
