/** What people have on disk: kubectl's lists, kustomize's and Helm's streams, and everything that is wrong with them. */
import type { ServiceFact } from "@coddiwomple/core/Fact"
import * as fc from "fast-check"
import { execFileSync } from "node:child_process"
import * as path from "node:path"
import { describe, expect, it } from "vitest"
import { parseAllDocuments, stringify } from "yaml"
import { pieces } from "../src/Pieces.ts"
import { read as parse } from "../src/Objects.ts"
import { read, service } from "./Reading.ts"

const of = (...names: ReadonlyArray<string>) => names.flatMap((n) => [`service/${n}`, `backend/${n}/a`])

describe("forms", () => {
  it("kubectl get -o yaml: a List with everything that a live object has", async () => {
    const list = `apiVersion: v1
items:
- apiVersion: v1
  kind: Service
  metadata:
    annotations:
      kubectl.kubernetes.io/last-applied-configuration: |
        {"apiVersion":"v1","kind":"Service","metadata":{"annotations":{},"name":"foo","namespace":"shop"}}
      coddiwomple.io/traffic: spread
    creationTimestamp: "2025-01-01T00:00:00Z"
    labels:
      app: foo
    name: foo
    namespace: shop
    resourceVersion: "42"
  spec:
    clusterIP: 10.0.0.1
    ports:
    - appProtocol: grpc
      name: api
      port: 9000
      protocol: TCP
      targetPort: api
    - name: http-web
      port: 80
    selector:
      app: foo
    type: ClusterIP
  status:
    loadBalancer: {}
- apiVersion: v1
  data:
    kind: Service
  kind: ConfigMap
  metadata:
    name: x
- apiVersion: serving.knative.dev/v1
  kind: Service
  metadata:
    name: knative
    namespace: shop
kind: List
metadata:
  resourceVersion: ""
`
    const { facts, found, keys } = await read({ "all.yaml": list })
    expect(found).toEqual([])
    expect(keys).toEqual(of("foo.shop"))
    const fact = facts[0] as ServiceFact
    expect(fact).toMatchObject({
      prefixes: ["foo.shop"],
      traffic: "spread",
      ports: [
        { name: "api", protocol: "GRPC", port: 9000, backendPort: 9000 },
        { name: "http-web", protocol: "HTTP", port: 80 }
      ]
    })
    expect(fact.origin.place?.(["ports", 1, "port"])).toMatchObject({ line: 25, source: "      port: 80" })
    expect(fact.origin.place?.()).toMatchObject({ line: 13, col: 11 })
  })

  it("kubectl get svc -o json, ServiceList, lists in lists, indented lists, flow style", async () => {
    const object = (name: string) => ({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace: "shop" },
      spec: { ports: [{ port: 80 }] }
    })
    const { keys } = await read({
      "1.json": JSON.stringify({ apiVersion: "v1", kind: "List", items: [object("one")] }, null, 4),
      "2.yaml": stringify({
        apiVersion: "v1",
        kind: "ServiceList",
        items: [{ ...object("two"), apiVersion: undefined, kind: undefined }]
      }),
      "3.yaml": stringify({ kind: "List", items: [{ kind: "List", items: [object("three")] }] }),
      "4.yaml": `kind: List\nitems:\n  - ${stringify(object("four")).trimEnd().replaceAll("\n", "\n    ")}\n`,
      "5.yaml": "{apiVersion: v1, kind: Service, metadata: {name: five, namespace: shop}, spec: {ports: [{port: 80}]}}",
      "6.yaml": `x-base: &b\n  ports: [{port: 80}]\n"kind": "Service"\n'apiVersion': v1\nmetadata: {name: six, namespace: shop}\nspec:\n  <<: *b\n`
    })
    expect([...keys].sort()).toEqual(
      of("one.shop", "two.shop", "three.shop", "four.shop", "five.shop", "six.shop").sort()
    )
  })

  it("Helm and kustomize: comments, empty documents, no namespaces, CRLF, a byte order mark, other kinds that are no YAML for us", async () => {
    const text = `\ufeff---\r\n# Source: shop/templates/service.yaml\r\n${service("foo").replace("  namespace: shop\n", "").replaceAll("\n", "\r\n")}---\r\n---\n# nothing\n--- # a comment\n${service("bar")}...\n---\nkind: ConfigMap\ndata: {a: [b, {{ not rendered }}\n`
    const { found, keys } = await read({ "all.yaml": text }, { clusters: { a: { paths: ["."], namespace: "web" } } })
    expect(found).toEqual([])
    expect(keys).toEqual(of("foo.web", "bar.shop"))
  })

  it("folders, globs, files; hidden folders and other files are left alone", async () => {
    const files = {
      "x/a.yaml": service("a"),
      "x/deep/b.yml": service("b"),
      "x/c.json": '{"apiVersion": "v1", "kind": "ConfigMap"  , "metadata": {"name": "c"}}',
      "x/.git/d.yaml": service("d"),
      "x/e.txt": service("e"),
      "y/f.yaml": service("f")
    }
    expect((await read(files, { clusters: { a: { paths: ["x"] } } })).keys).toEqual(of("a.shop", "b.shop"))
    expect((await read(files, { clusters: { a: { paths: ["*/*.yaml", "x/deep/b.yml", "x/a.yaml"] } } })).keys).toEqual(
      of("a.shop", "b.shop", "f.shop")
    )
  })

  it("what counts: labels, annotations, namespaces, bare names", async () => {
    const files = {
      "1.yaml": service("one", "  labels: {tier: web}\n"),
      "2.yaml": service("two", '  annotations: {coddiwomple.io/bare-name: "true"}\n'),
      "3.yaml": service("three").replace("shop", "kube-system")
    }
    expect((await read(files)).keys).toEqual(of("one.shop", "two.shop"))
    expect((await read(files, { select: { labels: "tier in (web)" } })).keys).toEqual(of("one.shop"))
    expect((await read(files, { select: { namespaces: ["kube-system"] } })).keys).toEqual(of("three.kube-system"))
    const bare = (await read(files, { bareNames: ["shop"] })).facts.filter((f) => f.kind === "service")
    expect(bare.map((f) => f.prefixes)).toEqual([
      ["one.shop", "one"],
      ["two.shop", "two"]
    ])
  })

  it("standard input, through cw itself", () => {
    const cw = path.resolve(import.meta.dirname, "../../../packages/cli/src/bin.ts")
    const pipeline = JSON.stringify({
      metadata: { name: "x" },
      sources: { in: { uses: "manifests", with: { clusters: { a: { paths: ["-"], addresses: ["192.0.2.1"] } } } } },
      transforms: { mesh: { uses: "istio-global-dns" } },
      sinks: { out: { uses: "stdout" } }
    })
    const node = process.execPath.includes("deno") ? "node" : process.execPath
    const out = execFileSync(
      "sh",
      ["-c", `f=$(mktemp -d)/pipeline.yaml; printf '%s' '${pipeline}' > $f; exec "${node}" "${cw}" run $f`],
      { input: service("foo"), encoding: "utf8" }
    )
    expect(out).toContain("foo.shop.global")
  })
})

describe("faults", () => {
  it("places: file, line and column of what is wrong, and the rest goes on", async () => {
    const { found, keys } = await read({
      "all.yaml": `${service("foo")}---\n${service("bar").replace("port: 80", "port: eighty")}---\n${service("baz", "  annotations: {coddiwomple.io/trafic: spread}\n")}---\n${service("qux", "  labels: {version: 1.0}\n")}`
    })
    expect(keys).toEqual(of("foo.shop"))
    expect(found).toEqual([
      "CW401 all.yaml:20:11 Service bar.shop in a: spec.ports.0.port must be a number from 1 to 65535",
      "CW401 all.yaml:26:9 service baz.shop: annotation coddiwomple.io/trafic: is not known",
      "CW401 all.yaml:40:21 Service qux.shop in a: metadata.labels.version must be a text: quote it"
    ])
  })

  it("what is not YAML stops the reading, with every file that is broken", async () => {
    const { found } = await read({
      "1.yaml": `${service("foo")}---\nkind: Service\nmetadata: {name: [}\n`,
      "2.yaml": "kind: Service\nmetadata:\n  name: {{ .Values.name }}\n  x: {{ include }}\n  y: a: b\n"
    })
    expect(found.map((f) => f.split(" ").slice(0, 2).join(" "))).toEqual([
      "CW001 1.yaml:13:19",
      expect.stringMatching(/^CW001 2\.yaml:/)
    ])
  })

  it("a file that holds no object is broken: empty, comments, zero bytes, other text", async () => {
    const texts = {
      empty: "",
      blank: "---\n\n---\n",
      zeros: "\0".repeat(64),
      "half zeros": `${service("foo")}${"\0".repeat(64)}`,
      null: "null\n",
      mapping: "{}",
      comment: "# rendered by helm\n",
      error: "Error: chart not found\n",
      page: "<html><body>502 Bad Gateway</body></html>\n",
      list: "- a\n- b\n",
      "a text behind a Service": `${service("foo")}---\nnot found\n`,
      "a list behind a Service": `${service("foo")}---\n- a\n`
    }
    for (const [name, text] of Object.entries(texts)) {
      const { found, snapshots } = await read({ "ok.yaml": service("ok"), "x.yaml": text })
      expect(found, name).toHaveLength(1)
      expect(found[0], name).toMatch(/^CW00[16] x\.yaml/)
      expect(snapshots, name).toEqual([])
    }
    expect((await read({ "x.yaml": "apiVersion: v1\nkind: List\nitems: []\n" })).found).toEqual([])
  })

  it("no beginning of a file loses its last Service: it is there, held, or the file is broken", async () => {
    const list = (name: string) => `- ${service(name).trimEnd().replaceAll("\n", "\n  ")}\n`
    const files = {
      comments: `# Source: shop/templates/cart.yaml\n${service("foo", "  labels:\n    app: foo\n")}`,
      kubectl: `apiVersion: v1\nitems:\n${list("foo")}kind: List\nmetadata:\n  resourceVersion: ""\n`,
      json: JSON.stringify(
        {
          apiVersion: "v1",
          kind: "List",
          items: [
            {
              apiVersion: "v1",
              kind: "Service",
              metadata: { name: "foo", namespace: "shop" },
              spec: { ports: [{ port: 80 }] }
            }
          ]
        },
        undefined,
        2
      )
    }
    for (const [name, text] of Object.entries(files)) {
      for (let i = 0; i < text.length; i++) {
        const { diagnostics, keys } = await read({ "x.yaml": text.slice(0, i) })
        const there = keys.includes("service/foo.shop") || diagnostics.some((d) => d.service === "foo.shop")
        if (!there && !diagnostics.some((d) => d.severity === "error" && d.service === undefined))
          expect.fail(`${name}: ${JSON.stringify(text.slice(0, i))}`)
      }
    }
  })

  it("one Service twice counts not at all, and says where", async () => {
    const { diagnostics, keys } = await read({
      "1.yaml": service("foo") + "---\n" + service("bar"),
      "2.yaml": service("foo")
    })
    expect(keys).toEqual(of("bar.shop"))
    expect(diagnostics.map((d) => [d.code, d.place?.line, d.related?.length])).toEqual([["CW404", 4, 1]])
  })

  it("paths that find nothing, aliases that explode, two readers of standard input", async () => {
    expect(
      (await read({ "x.yaml": service("a") }, { clusters: { a: { paths: ["y.yaml", "z/*.yaml"] } } })).found.map((f) =>
        f.slice(0, 5)
      )
    ).toEqual(["CW003", "CW003"])
    const bomb = `kind: Service\nb: &a [x,x,x,x,x,x,x,x,x]\n${"cdefghi"
      .split("")
      .map(
        (c, i) =>
          `${c}: &${c} [${Array(9)
            .fill(`*${i === 0 ? "a" : "cdefghi"[i - 1]}`)
            .join(",")}]`
      )
      .join("\n")}\n`
    expect((await read({ "x.yaml": bomb })).found[0]).toMatch(/^CW001/)
    expect(
      (await read({}, { clusters: { a: { paths: ["-"] }, b: { paths: ["-"] } } })).diagnostics[0]!.message
    ).toMatch(/one cluster/)
    expect(
      (await read({}, { clusters: { a: { paths: ["x"] } }, select: { labels: "a = = b" } })).diagnostics[0]!.field
    ).toBe("select.labels")
  })

  it("an ExternalName and a Service without usable ports are told, as for a live cluster", async () => {
    const { found } = await read({ "x.yaml": service("foo").replace("spec:", "spec:\n  type: ExternalName") })
    expect(found[0]).toMatch(/^CW409 x\.yaml:4:9 Service foo\.shop in a is left out/)
  })
})

describe("cutting", () => {
  // Pieces are an economy: they must never change what a file says.
  const scalar = fc.oneof(
    fc.constantFrom("---", "- a", "kind: Service", "items:\n- x", "a: b", "# c", "", "\n", "  x"),
    fc.string({ maxLength: 20 })
  )
  const object = fc.record({
    apiVersion: fc.constantFrom("v1", "apps/v1"),
    kind: fc.constantFrom("Service", "ConfigMap", "Deployment"),
    metadata: fc.record({
      name: fc.stringMatching(/^[a-z]{1,8}$/),
      annotations: fc.dictionary(fc.stringMatching(/^[a-z]{1,3}$/), scalar, { maxKeys: 3 })
    }),
    data: fc.dictionary(fc.stringMatching(/^[a-z]{1,3}$/), scalar, { maxKeys: 3 }),
    spec: fc.constant({ ports: [{ port: 80 }] })
  })
  const list = fc.record({
    apiVersion: fc.constant("v1"),
    items: fc.array(object, { maxLength: 4 }),
    kind: fc.constant("List")
  })
  const names = (value: unknown): ReadonlyArray<string> => {
    const o = value as {
      kind?: string
      apiVersion?: string
      items?: ReadonlyArray<unknown>
      metadata?: { name: string }
    } | null
    if (o?.kind === "List") return (o.items ?? []).flatMap(names)
    return o?.kind === "Service" && o.apiVersion === "v1" ? [o.metadata!.name] : []
  }

  it("finds the Services that the whole parser finds, whatever stands between", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(object, list), { maxLength: 4 }),
        fc.boolean(),
        fc.constantFrom(0, 2),
        (objects, flow, indent) => {
          const text = objects
            .map((o) =>
              flow
                ? `${JSON.stringify(o, null, indent)}
`
                : stringify(o, { indentSeq: indent === 2 })
            )
            .join("---\n")
          const whole = parseAllDocuments(text)
          const wanted = (Array.isArray(whole) ? whole : []).flatMap((d) => names(d.toJS()))
          const found = pieces(text).flatMap((p) => {
            expect(p.text.replace(/^ {2}/, "").trimStart()).toBe(
              text
                .slice(p.at, p.at + p.text.length)
                .replace(/^- /, "")
                .trimStart()
            )
            const { broken, found: services } = parse(p)
            expect(broken).toBeUndefined()
            return services.map((s) => s.service.metadata.name)
          })
          expect(found).toEqual(wanted)
        }
      ),
      { numRuns: 300 }
    )
  })
})
