/** What keeps strangers out, asked for with real HTTP and real sockets. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { ask, clusters, first, rig, rpc, service, upgrade } from "./Running.ts"

const promise = <A>(f: () => Promise<A>) => Effect.promise(f)

describe("the door", () => {
  it.live("turns other names away, also before an upgrade (DNS rebinding)", () =>
    Effect.gen(function* () {
      const { tokens, url } = yield* rig()
      const { port } = new URL(url)
      const auth = { authorization: `Bearer ${tokens.session}` }
      for (const [path, headers] of [
        ["/", {}],
        ["/api/v1/status", auth],
        ["/assets/app.js", {}],
        ["/rpc", upgrade]
      ] as const) {
        const answer = yield* promise(() => ask(url, path, { ...headers, host: `evil.example:${port}` }))
        assert.strictEqual(answer.status, 421, path)
        assert.include(answer.text, "--allowed-host")
      }
      for (const host of [`localhost:${port}`, `[::1]:${port}`, "127.0.0.1:9999", `ui.example:${port}`])
        assert.strictEqual((yield* promise(() => ask(url, "/", { host }))).status, 200, host)
    })
  )

  it.live("turns other pages away: fetch, frame, form and WebSocket", () =>
    Effect.gen(function* () {
      const { tokens, url } = yield* rig()
      const auth = { authorization: `Bearer ${tokens.session}` }
      const refused = [
        ["/api/v1/status", { ...auth, origin: "http://evil.example" }],
        ["/api/v1/status", { ...auth, origin: "http://127.0.0.1:1" }],
        ["/api/v1/status", { ...auth, origin: "null" }],
        ["/api/v1/status", { ...auth, "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" }],
        ["/", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe" }],
        ["/assets/app.js", { "sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "script" }],
        ["/rpc", { ...upgrade, origin: "http://127.0.0.1:1" }]
      ] as const
      for (const [path, headers] of refused)
        assert.strictEqual((yield* promise(() => ask(url, path, headers))).status, 403, JSON.stringify([path, headers]))
      assert.strictEqual((yield* promise(() => ask(url, "/rpc", upgrade))).status, 101)
      const form = yield* promise(() =>
        ask(
          url,
          "/auth/exchange",
          {
            "sec-fetch-site": "cross-site",
            "sec-fetch-mode": "navigate",
            "sec-fetch-dest": "document",
            "content-type": "text/plain"
          },
          "POST",
          "{}"
        )
      )
      assert.strictEqual(form.status, 403)
      const link = yield* promise(() =>
        ask(url, "/services/a.b", {
          "sec-fetch-site": "cross-site",
          "sec-fetch-mode": "navigate",
          "sec-fetch-dest": "document"
        })
      )
      assert.strictEqual(link.status, 200)
      assert.isUndefined(link.headers["access-control-allow-origin"])
    })
  )

  it.live("sends a strict policy with everything", () =>
    Effect.gen(function* () {
      const { url } = yield* rig()
      for (const path of ["/", "/assets/app.js", "/api/v1/status", "/nothing"]) {
        const { headers } = yield* promise(() => ask(url, path))
        const policy = String(headers["content-security-policy"])
        for (const part of [
          "default-src 'none'",
          "script-src 'self'",
          "frame-ancestors 'none'",
          "require-trusted-types-for 'script'",
          "trusted-types 'none'"
        ])
          assert.include(policy, part, path)
        assert.notInclude(policy, "unsafe")
        assert.strictEqual(headers["x-content-type-options"], "nosniff")
        assert.strictEqual(headers["set-cookie"], undefined)
      }
    })
  )
})

describe("tokens", () => {
  it.live("a launch token opens once; a wrong, reused or old one never", () =>
    Effect.gen(function* () {
      const { tokens, url } = yield* rig()
      const exchange = (launch: string) =>
        promise(() =>
          ask(
            url,
            "/auth/exchange",
            { "content-type": "application/json", "content-length": String(JSON.stringify({ launch }).length) },
            "POST",
            JSON.stringify({ launch })
          )
        )
      const launch = tokens.launch()
      assert.strictEqual((yield* exchange("wrong")).status, 401)
      const good = yield* exchange(launch)
      assert.strictEqual(good.status, 200)
      assert.strictEqual((JSON.parse(good.text) as { bearer: string }).bearer, tokens.session)
      assert.strictEqual((yield* exchange(launch)).status, 401)
      assert.strictEqual((yield* exchange(tokens.launch(-1))).status, 401)
      assert.strictEqual(
        (yield* promise(() =>
          ask(url, "/auth/exchange", { "content-type": "text/plain", "content-length": "2" }, "POST", "{}")
        )).status,
        415
      )
      assert.strictEqual((yield* promise(() => ask(url, "/auth/launch", {}, "POST"))).status, 401)
    })
  )

  it.live("without the bearer there is a shell without data, and nothing else", () =>
    Effect.gen(function* () {
      const { say, tokens, url } = yield* rig()
      say(...first(clusters("secret-cluster"), service("secret-service", ["secret-cluster"])))
      assert.strictEqual((yield* promise(() => ask(url, "/services"))).status, 200)
      for (const path of ["status", "clusters", "services", "plan", "bundle", "events", "tap/out", "services/x/yaml"]) {
        for (const headers of [
          {},
          { authorization: "Bearer wrong" },
          { authorization: tokens.session },
          { cookie: `bearer=${tokens.session}` }
        ]) {
          const answer = yield* promise(() => ask(url, `/api/v1/${path}`, headers))
          assert.strictEqual(answer.status, 401, path)
          assert.notInclude(answer.text, "secret")
        }
      }
      const refused = yield* promise(() => rpc(url, "Watch", { coalesce: 50 }, "wrong"))
      assert.include(refused, "Unauthorized")
      assert.notInclude(refused, "secret")
      assert.include(yield* promise(() => rpc(url, "Watch", { coalesce: 50 }, tokens.session)), "Snapshot")
    })
  )

  it.live("a socket that shows no bearer is shut after a while", () =>
    Effect.gen(function* () {
      const { tokens, url } = yield* rig({ patience: 150 })
      const closed = (bearer?: string) =>
        promise(
          () =>
            new Promise<boolean>((resolve) => {
              const socket = new WebSocket(`${url.replace("http", "ws")}/rpc`)
              const timer = setTimeout(() => {
                resolve(false)
                socket.close()
              }, 600)
              socket.onopen = () => {
                if (bearer !== undefined)
                  socket.send(
                    `${JSON.stringify({ _tag: "Request", id: "1", tag: "Watch", payload: { coalesce: 50 }, headers: [["authorization", `Bearer ${bearer}`]] })}\n`
                  )
              }
              socket.onclose = () => {
                clearTimeout(timer)
                resolve(true)
              }
            })
        )
      assert.isTrue(yield* closed())
      assert.isTrue(yield* closed("wrong"))
      assert.isFalse(yield* closed(tokens.session))
    })
  )
})

describe("writing", () => {
  it.live("is not mounted unless it is allowed", () =>
    Effect.gen(function* () {
      const closed = yield* rig()
      const answer = yield* promise(() =>
        rpc(closed.url, "Apply", { plan: "x", confirm: "1 cluster" }, closed.tokens.session)
      )
      assert.match(answer, /Unknown request tag|Defect|Die/)
      let asked = 0
      const open = yield* rig({
        allow: ["apply"],
        apply: () => {
          asked++
          return Stream.make({
            time: 0,
            state: "done" as const,
            text: "",
            applied: 0,
            failed: 0,
            total: 0,
            findings: []
          })
        }
      })
      assert.include(yield* promise(() => rpc(open.url, "Apply", { plan: "x", confirm: "y" }, "wrong")), "Unauthorized")
      assert.strictEqual(asked, 0)
      assert.include(
        yield* promise(() => rpc(open.url, "Apply", { plan: "x", confirm: "y" }, open.tokens.session)),
        "done"
      )
    })
  )

  it.live("has no way to the Kubernetes API and no method but those that are named", () =>
    Effect.gen(function* () {
      const { tokens, url } = yield* rig()
      const auth = { authorization: `Bearer ${tokens.session}` }
      for (const path of ["/api/v1/namespaces", "/apis/apps/v1", "/api/v1/proxy", "/clusters/a/api/v1/secrets?x"]) {
        const answer = yield* promise(() => ask(url, path, auth))
        assert.isTrue(answer.status === 404 || answer.text.startsWith("<!doctype html>"), path)
      }
      for (const method of ["PUT", "DELETE", "PATCH", "POST"])
        assert.strictEqual((yield* promise(() => ask(url, "/api/v1/status", auth, method))).status, 404, method)
      for (const path of ["/assets/../../package.json", "/assets/..%2f..%2fpackage.json", "/assets/none.js"])
        assert.strictEqual((yield* promise(() => ask(url, path))).status, 404, path)
    })
  )
})
