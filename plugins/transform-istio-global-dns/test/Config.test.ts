import { decodeOptions } from "@coddiwomple/core/Node"
import plugin from "@coddiwomple/transform-istio-global-dns"
import { settings } from "@coddiwomple/transform-istio-global-dns/Config"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"

const decode = (config: unknown) => Schema.decodeUnknownSync(plugin.config, decodeOptions)(config)

describe("config", () => {
  it("has Istio's stock gateways as defaults, by profile", () => {
    expect(settings(decode({}))).toEqual({
      profile: "mtls",
      tls: undefined,
      configNamespace: "cw-system",
      gateway: { namespace: "istio-system", selector: { istio: "eastwestgateway" }, port: 15443 },
      exportTo: undefined,
      autoAllocate: false,
      outlierDetection: {
        baseEjectionTime: "30s",
        consecutive5xxErrors: 0,
        consecutiveGatewayErrors: 5,
        interval: "5s",
        maxEjectionPercent: 100
      }
    })
    expect(settings(decode({ profile: "classic" }))).toMatchObject({
      configNamespace: "cw",
      gateway: { selector: { istio: "ingressgateway" } }
    })
    expect(settings(decode({ outlierDetection: { interval: "100ms" }, gateway: { port: 443 } }))).toMatchObject({
      gateway: { namespace: "istio-system", port: 443 },
      outlierDetection: { interval: "100ms", baseEjectionTime: "30s" }
    })
  })

  it.each([
    [{ profile: "plaintext" }, "allowPlaintext"],
    [{ profile: "mtls", allowPlaintext: true }, "allowPlaintext"],
    [{ profile: "tls" }, "`tls`"],
    [{ profile: "tls", tls: {} }, "caConfigMap"],
    [{ profile: "tls", tls: { caConfigMap: "a", caCertificates: "/b" } }, "caConfigMap"],
    [{ tls: { caConfigMap: "a" } }, "`tls`"],
    [{ profil: "mtls" }, "profil"],
    [{ configNamespace: "Istio" }, "namespace"],
    [{ gateway: { selector: {} } }, "every gateway"],
    [{ gateway: { port: 70000 } }, "65535"],
    [{ exportTo: [] }, "exportTo"],
    [{ outlierDetection: { interval: "5" } }, "duration"],
    [{ outlierDetection: { interval: "100us" } }, "duration"],
    [{ outlierDetection: { baseEjectionTime: "999999999h" } }, "duration"],
    [{ outlierDetection: { baseEjectionTime: "999999999m" } }, "duration"],
    [{ outlierDetection: { consecutiveGatewayErrors: 0 } }, "nobody fails over"],
    [{ outlierDetection: { consecutiveGatewayErrors: 0, consecutive5xxErrors: 0 } }, 'at ["outlierDetection"]'],
    [{ outlierDetection: { maxEjectionPercent: 0 } }, "maxEjectionPercent"],
    [{ profile: "classic", autoAllocate: true }, "no effect"],
    [{ profile: "classic", outlierDetection: {} }, "no effect"]
  ])("refuses %j", (config, why) => {
    expect(() => decode(config)).toThrow(why)
  })

  it("takes one kind of outlier detection in place of the other", () => {
    const outlierDetection = { consecutiveGatewayErrors: 0, consecutive5xxErrors: 3, baseEjectionTime: "999999h" }
    expect(settings(decode({ outlierDetection })).outlierDetection).toMatchObject(outlierDetection)
  })

  it.each([{ configNamespace: "istio-system" }, { gateway: { namespace: "cw-system" } }])(
    "refuses to put into the gateway's namespace what callers see: %j",
    (config) => {
      const error = Effect.runSync(Effect.flip(plugin.make(decode(config))))
      expect(error.diagnostics?.map((d) => d.code)).toEqual(["CW631"])
      expect(Effect.runSync(Effect.exit(plugin.make(decode({ ...config, profile: "classic" }))))._tag).toBe("Success")
    }
  )
})
