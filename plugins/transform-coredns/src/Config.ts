/** Configuration of `coredns`: where each cluster takes its DNS configuration from, and in which form. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

export const platforms = [
  "none",
  "files",
  "self-managed",
  "coredns-custom",
  "gardener",
  "kube-dns",
  "deployment"
] as const
export type Platform = (typeof platforms)[number]

export const Config = Schema.Struct({
  platform: Schema.Literals(platforms)
    .annotate({
      description:
        "Platform of clusters whose facts name none (`dns.platform` of clusters.json). files: zone file and Corefile fragment as files. self-managed: the whole Corefile of a CoreDNS one runs oneself, merged. coredns-custom: the ConfigMap of that name, as on AKS. gardener: the same, on port 8053. kube-dns: an own CoreDNS, and kube-dns stub domains that point to it. deployment: an own CoreDNS with a zone file. none: nothing.",
      examples: ["coredns-custom"]
    })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed("files" as const))),
  ttl: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3600 }))
    .annotate({ description: "Seconds that answers may be kept. Default 30", examples: [30] })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed(30))),
  corefile: Schema.optionalKey(
    Schema.NonEmptyString.annotate({
      description:
        "self-managed: file with the Corefile to merge into, relative to the pipeline file, or to the home folder with ~/; {cluster} stands for the name of the cluster",
      examples: ["Corefile", "corefiles/{cluster}"]
    })
  ),
  namespace: Schema.NonEmptyString.annotate({
    description: "deployment and kube-dns: namespace of the own CoreDNS. Default cw-dns",
    examples: ["cw-dns"]
  }).pipe(Schema.withDecodingDefaultKey(Effect.succeed("cw-dns"))),
  clusterIP: Schema.optionalKey(
    Schema.NonEmptyString.annotate({
      description:
        "deployment and kube-dns: fixed clusterIP of the own CoreDNS Service, where the cluster names none (`dns.clusterIP` of clusters.json); kube-dns needs one",
      examples: ["10.96.0.53"]
    })
  ),
  image: Schema.NonEmptyString.annotate({
    description: "deployment and kube-dns: image of the own CoreDNS. Default coredns/coredns:1.14.7",
    examples: ["coredns/coredns:1.14.7"]
  }).pipe(Schema.withDecodingDefaultKey(Effect.succeed("coredns/coredns:1.14.7"))),
  replicas: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100 }))
    .annotate({ description: "deployment and kube-dns: replicas of the own CoreDNS. Default 2", examples: [2] })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed(2))),
  ambient: Schema.Boolean.annotate({
    description:
      "Names for ambient clusters too. Default false: only profile `classic` of the mesh transform makes objects there, and without them nothing answers at the addresses",
    examples: [true]
  }).pipe(Schema.withDecodingDefaultKey(Effect.succeed(false)))
})

export type Config = typeof Config.Type
