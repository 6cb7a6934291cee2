/** Configuration of `istio-global-dns`. What a cluster says of itself wins over what is said here. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

export const profiles = ["mtls", "tls", "plaintext", "classic"] as const
export type Profile = (typeof profiles)[number]

/** Those that need nothing said beside their name. */
export const simpleProfiles: ReadonlyArray<Profile> = ["mtls", "classic"]

const Namespace = Schema.String.check(
  Schema.isPattern(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/u, { expected: "the name of a namespace" })
)

const Visible = Schema.String.check(
  Schema.isPattern(/^([*.]|[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)$/u, { expected: "a namespace, `.` or `*`" })
)

const Duration = Schema.String.check(
  Schema.isPattern(/^[1-9]([0-9]{0,8}(ms|s)|[0-9]{0,7}m|[0-9]{0,5}h)$/u, {
    expected: "a duration such as 500ms, 5s or 1m, of at most 999999h"
  })
)

const count = (fallback: number, what: string) =>
  Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 }))
    .annotate({ description: `${what}. Default ${fallback}; 0 switches it off, but not both`, examples: [fallback] })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed(fallback)))

const time = (fallback: string, what: string) =>
  Duration.annotate({ description: `${what}. Default ${fallback}`, examples: [fallback] }).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(fallback))
  )

const Outlier = Schema.Struct({
  consecutiveGatewayErrors: count(
    5,
    "Failed connections and answers 502, 503, 504 in a row after which an endpoint is left out"
  ),
  consecutive5xxErrors: count(0, "Answers 5xx in a row after which an endpoint is left out"),
  interval: time("5s", "How often endpoints are looked at"),
  baseEjectionTime: time("30s", "How long an endpoint is left out the first time"),
  maxEjectionPercent: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100 }))
    .annotate({ description: "Share of the endpoints that may be left out. Default 100", examples: [100] })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed(100)))
}).check(
  Schema.makeFilter(
    (o: { readonly consecutiveGatewayErrors: number; readonly consecutive5xxErrors: number }) =>
      o.consecutiveGatewayErrors > 0 || o.consecutive5xxErrors > 0,
    {
      expected: "`consecutiveGatewayErrors` or `consecutive5xxErrors` above 0: with both off nobody fails over",
      toJsonSchema: () => ({
        anyOf: [
          { properties: { consecutiveGatewayErrors: { minimum: 1 } } },
          { required: ["consecutive5xxErrors"], properties: { consecutive5xxErrors: { minimum: 1 } } }
        ]
      })
    }
  )
)

const Tls = Schema.Struct({
  credentialName: Schema.NonEmptyString.annotate({
    description: "Secret with the certificate of the gateway, in its namespace. Default cw-gateway",
    examples: ["cw-gateway"]
  }).pipe(Schema.withDecodingDefaultKey(Effect.succeed("cw-gateway"))),
  caCertificates: Schema.optionalKey(
    Schema.NonEmptyString.annotate({
      description: "File in the callers' sidecars with the CA of the gateways' certificates",
      examples: ["/etc/cw/ca.crt"]
    })
  ),
  caConfigMap: Schema.optionalKey(
    Schema.NonEmptyString.annotate({
      description: "In place of caCertificates: ConfigMap in the configuration namespace with the CA as `ca.crt`",
      examples: ["cw-ca"]
    })
  ),
  subjectAltNames: Schema.optionalKey(
    Schema.NonEmptyArray(Schema.NonEmptyString).annotate({
      description: "Names of which a gateway's certificate must have one. Default: the addresses of the gateways",
      examples: [["mesh.example.net"]]
    })
  )
}).check(
  Schema.makeFilter(
    (t: { readonly caCertificates?: string; readonly caConfigMap?: string }) =>
      (t.caCertificates === undefined) !== (t.caConfigMap === undefined),
    {
      expected: "either `caCertificates` or `caConfigMap`",
      toJsonSchema: () => ({ oneOf: [{ required: ["caCertificates"] }, { required: ["caConfigMap"] }] })
    }
  )
)

const modern = {
  configNamespace: "cw-system",
  gateway: { namespace: "istio-system", selector: { istio: "eastwestgateway" }, port: 15443 }
}

const defaults = {
  mtls: modern,
  tls: modern,
  plaintext: modern,
  classic: { configNamespace: "cw", gateway: { namespace: "cw", selector: { istio: "ingressgateway" }, port: 15443 } }
} satisfies Record<Profile, Partial<Settings>>

export const Config = Schema.Struct({
  profile: Schema.Literals(profiles)
    .annotate({
      description:
        "mtls: end-to-end mTLS through AUTO_PASSTHROUGH gateways, for meshes with one root CA. tls: TLS to the gateway, which has a certificate of its own, for meshes without a common root. plaintext: nothing is encrypted between clusters. classic: the objects of the original coddiwomple, plaintext between clusters. Default mtls",
      examples: ["mtls"]
    })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed("mtls" as const))),
  configNamespace: Schema.optionalKey(
    Namespace.annotate({
      description:
        "Namespace of the objects that callers see; never the one of the gateway. Default cw-system, in profile classic cw",
      examples: ["cw-system"]
    })
  ),
  gateway: Schema.Struct({
    namespace: Schema.optionalKey(
      Namespace.annotate({
        description: "All but classic: namespace of the gateway's pods. Default istio-system",
        examples: ["istio-system"]
      })
    ),
    selector: Schema.optionalKey(
      Schema.Record(Schema.String, Schema.String)
        .check(
          Schema.makeFilter((s) => Object.keys(s).length > 0, {
            expected: "at least one label: an empty selector matches every gateway",
            toJsonSchema: () => ({ minProperties: 1 })
          })
        )
        .annotate({
          description:
            "Labels of the gateway's pods. Default istio: eastwestgateway, in profile classic istio: ingressgateway",
          examples: [{ istio: "eastwestgateway" }]
        })
    ),
    port: Schema.optionalKey(
      Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 65535 })).annotate({
        description: "mtls and tls: port of the gateway that takes calls of other clusters. Default 15443",
        examples: [15443]
      })
    )
  })
    .annotate({ description: "The gateway of clusters that say nothing of theirs" })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
  createNamespaces: Schema.Boolean.annotate({
    description: "Also make the configuration namespace in every cluster. It is never deleted. Default false"
  }).pipe(Schema.withDecodingDefaultKey(Effect.succeed(false))),
  exportTo: Schema.optionalKey(
    Schema.NonEmptyArray(Visible).annotate({
      description: "Namespaces that see services which say nothing of it, as Istio's exportTo. Default: all",
      examples: [["team-a"]]
    })
  ),
  autoAllocate: Schema.optionalKey(
    Schema.Boolean.annotate({
      description:
        "All but classic: leave addresses out, so that Istio (1.25 or newer) gives them; only where the proxies capture DNS. Default false"
    })
  ),
  allowPlaintext: Schema.optionalKey(
    Schema.Boolean.annotate({
      description:
        "plaintext: must be true. It says that calls between clusters may be read and made by anybody on the way",
      examples: [true]
    })
  ),
  tls: Schema.optionalKey(
    Tls.annotate({ description: "tls: the gateways' certificates, and what callers trust. Needed with this profile" })
  ),
  outlierDetection: Schema.optionalKey(
    Outlier.annotate({
      description: "All but classic: when an endpoint counts as dead. It cannot be switched off: failover needs it"
    })
  )
})
  .check(
    Schema.makeFilter(
      (c: { readonly profile: Profile; readonly autoAllocate?: boolean; readonly outlierDetection?: unknown }) =>
        c.profile !== "classic" || (c.autoAllocate === undefined && c.outlierDetection === undefined),
      {
        expected: "no `autoAllocate` and no `outlierDetection` with profile classic: they have no effect there",
        toJsonSchema: () => ({
          anyOf: [
            { not: { required: ["profile"], properties: { profile: { const: "classic" } } } },
            { not: { anyOf: [{ required: ["autoAllocate"] }, { required: ["outlierDetection"] }] } }
          ]
        })
      }
    )
  )
  .check(
    Schema.makeFilter(
      (c: { readonly profile: Profile; readonly allowPlaintext?: boolean }) =>
        (c.profile === "plaintext") === (c.allowPlaintext === true),
      {
        expected:
          "`allowPlaintext: true` with profile plaintext, and only there: it sends calls between clusters unencrypted and to anybody",
        toJsonSchema: () => ({
          anyOf: [
            {
              required: ["profile", "allowPlaintext"],
              properties: { profile: { const: "plaintext" }, allowPlaintext: { const: true } }
            },
            {
              not: {
                anyOf: [
                  { required: ["profile"], properties: { profile: { const: "plaintext" } } },
                  { required: ["allowPlaintext"], properties: { allowPlaintext: { const: true } } }
                ]
              }
            }
          ]
        })
      }
    ),
    Schema.makeFilter(
      (c: { readonly profile: Profile; readonly tls?: unknown }) => (c.profile === "tls") === (c.tls !== undefined),
      {
        expected: "`tls` with profile tls, and only there: say the CA of the gateways' certificates",
        toJsonSchema: () => ({
          anyOf: [
            { required: ["profile", "tls"], properties: { profile: { const: "tls" } } },
            {
              not: {
                anyOf: [{ required: ["profile"], properties: { profile: { const: "tls" } } }, { required: ["tls"] }]
              }
            }
          ]
        })
      }
    )
  )
  .annotate({ identifier: "IstioGlobalDns", description: "Istio objects for services that other clusters may call" })

export type Config = typeof Config.Type

/** Settings with the defaults of the profile. */
export interface Settings {
  readonly profile: Profile
  readonly configNamespace: string
  readonly gateway: {
    readonly namespace: string
    readonly selector: Readonly<Record<string, string>>
    readonly port: number
  }
  readonly exportTo: ReadonlyArray<string> | undefined
  readonly autoAllocate: boolean
  readonly outlierDetection: typeof Outlier.Type
  /** With profile tls. */
  readonly tls: typeof Tls.Type | undefined
}

export const settings = (config: Config): Settings => ({
  profile: config.profile,
  configNamespace: config.configNamespace ?? defaults[config.profile].configNamespace,
  gateway: { ...defaults[config.profile].gateway, ...config.gateway },
  exportTo: config.exportTo,
  autoAllocate: config.autoAllocate ?? false,
  outlierDetection: sorted(config.outlierDetection ?? Schema.decodeUnknownSync(Outlier)({})),
  tls: config.tls
})

/** In printing order, so that emission has nothing to sort. */
const sorted = <T extends object>(map: T): T =>
  Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1))) as T
