/** JSON Schema and loader refuse the same; what is explained and documented is what the Schema says. */
import { isError } from "@coddiwomple/core/Diagnostic"
import { kindOf } from "@coddiwomple/core/Plugin"
import { explain, type Field, frameworkFields } from "@coddiwomple/config/Explain"
import { pipelineSchema, pluginSchema } from "@coddiwomple/config/JsonSchema"
import { load } from "@coddiwomple/config/Load"
import { referencePage } from "@coddiwomple/config/Reference"
import { Ajv } from "ajv"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { stringify } from "yaml"
import * as Plugins from "./Plugins.ts"

const ajv = new Ajv({ strict: false, allErrors: true })
const accepts = ajv.compile(pipelineSchema(Plugins.plugins))

/** Findings that no schema can make. */
const beyond = new Set(["CW104", "CW109", "CW301", "CW302", "CW303", "CW304", "CW305", "CW306", "CW307"])

const loaderAccepts = async (document: unknown): Promise<boolean> => {
  const inputs = {
    plugins: Plugins.resolve,
    env: (name: string) => (name === "WATCH" ? undefined : "10"),
    readFile: () => Effect.succeed("x")
  }
  const { diagnostics } = await Effect.runPromise(
    load(stringify(document, { aliasDuplicateObjects: false }), "p.yaml", inputs)
  )
  return !diagnostics.some((d) => isError(d) && !beyond.has(d.code))
}

const good = {
  apiVersion: "coddiwomple.io/v1alpha1",
  kind: "Pipeline",
  "x-note": { any: ["thing"] },
  metadata: { name: "all", description: "d" },
  sources: {
    in: { uses: "json", with: { clusters: "c", services: "s", watch: "${env:WATCH:-true}" } },
    live: { uses: "kubernetes", with: { contexts: ["a"], select: { labels: "x" }, labels: { a: "b" } } }
  },
  model: { suffix: "global.example", prefer: ["in"], addresses: { lock: "l.json" } },
  transforms: {
    mesh: {
      uses: "istio-global-dns",
      timeout: "1m30s",
      with: { profile: "tls", gateway: { port: 15443, namespace: "n" } }
    },
    dns: { uses: "coredns", with: { ttl: "5 minutes" } },
    own: { uses: "labels", from: ["mesh"], with: { team: "${env:TEAM}" } }
  },
  checks: { policy: { uses: "exec", with: { command: ["a"] } } },
  sinks: {
    out: { uses: "stdout", enabled: true, description: "d" },
    east: {
      uses: "kubectl-apply",
      policy: "sync",
      guard: { deletes: 1, percent: 50 },
      retry: { initial: "1s", max: "2m", times: 3 },
      with: { context: "east", concurrency: 2, prune: false }
    },
    hook: {
      uses: "webhook",
      with: {
        url: "https://x",
        token: "t",
        port: "${env:PORT}",
        secure: true,
        level: "low",
        auth: { type: "basic", user: "u", password: "p" },
        note: "n",
        rules: [{ match: "a", also: [{ match: "b" }] }]
      }
    }
  },
  trigger: { debounce: "1s" }
}

/** Every place of a value, as a list of keys. */
const paths = (
  value: unknown,
  path: ReadonlyArray<string | number> = []
): ReadonlyArray<ReadonlyArray<string | number>> =>
  typeof value !== "object" || value === null
    ? [path]
    : [
        path,
        ...Object.entries(value).flatMap(([key, v]) => paths(v, [...path, Array.isArray(value) ? Number(key) : key]))
      ]

const edit = (
  document: unknown,
  path: ReadonlyArray<string | number>,
  change: (parent: any, key: string | number) => void
): unknown => {
  const copy = structuredClone(document) as any
  let parent = copy
  for (const key of path.slice(0, -1)) parent = parent[key]
  change(parent, path[path.length - 1]!)
  return copy
}

describe("JSON Schema", () => {
  it("accepts what the loader accepts: the whole, and minimal files", async () => {
    const minimal = {
      sources: { in: { uses: "json", with: { clusters: "c", services: "s" } } },
      sinks: { out: { uses: "stdout", with: null } }
    }
    for (const document of [
      good,
      minimal,
      { ...minimal, transforms: null, checks: null, model: null, trigger: null, metadata: null }
    ]) {
      expect(await loaderAccepts(document)).toBe(true)
      expect(accepts(document), JSON.stringify(accepts.errors)).toBe(true)
    }
    expect(accepts({ kind: "PipelineTest", given: {} })).toBe(true)
  })

  it("refuses a suffix as the loader does", async () => {
    for (const [suffix, ok] of [
      ["local", false],
      ["cluster.local", false],
      ["a.b.cluster.local", false],
      ["mycluster.local", true],
      ["cluster.local.example", true]
    ] as const) {
      const document = { ...good, model: { suffix } }
      expect([suffix, await loaderAccepts(document), accepts(document)]).toEqual([suffix, ok, ok])
    }
  })

  it("agrees with the loader on every way of spoiling a good file", async () => {
    const all = paths(good).filter((p) => p.length > 0 && p[0] !== "x-note")
    const values = [null, true, false, 0, -1, 1.5, "", "x", "${env:X}", [], ["x"], {}, { x: 1 }]
    const spoilt = fc.record({
      path: fc.constantFrom(...all),
      how: fc.oneof(
        fc.constant({ type: "remove" } as const),
        fc.constantFrom("x", "usse", "Name", "with").map((key) => ({ type: "add", key }) as const),
        fc.constantFrom(...values).map((value) => ({ type: "set", value }) as const)
      )
    })
    let refused = 0
    await fc.assert(
      fc.asyncProperty(spoilt, async ({ path, how }) => {
        const document = edit(good, path, (parent, key) => {
          if (how.type === "remove") {
            if (Array.isArray(parent)) parent.splice(Number(key), 1)
            else delete parent[key]
          } else if (how.type === "set") parent[key] = how.value
          else if (typeof parent[key] === "object" && parent[key] !== null && !Array.isArray(parent[key]))
            parent[key][how.key] = "x"
        })
        // Not said in the schema: a value from outside decides at load, and a switched-off node may name anything.
        const value = how.type === "set" ? how.value : undefined
        if (value === "${env:X}" || (value === false && path[path.length - 1] === "enabled")) return
        const schema = accepts(document)
        if (!schema) refused++
        expect(schema, JSON.stringify([path, how, accepts.errors])).toBe(await loaderAccepts(document))
      }),
      { numRuns: 400 }
    )
    expect(refused).toBeGreaterThan(80)
  })

  it("carries descriptions, defaults and examples, and no default of a secret", () => {
    const { properties } = pluginSchema(Plugins.json) as any
    expect(properties.clusters).toEqual({
      type: "string",
      minLength: 1,
      description: "File with the clusters.",
      examples: ["clusters.json"]
    })
    expect(properties.watch.default).toBe(true)
    expect(properties.watch.description).toBe("Reads again when a file changes.")
  })

  it("accepts the examples of every plugin", () => {
    for (const { plugin } of Plugins.plugins) {
      const valid = ajv.compile(pluginSchema(plugin))
      for (const { config } of plugin.examples ?? []) expect(valid(config), plugin.type).toBe(true)
    }
  })
})

describe("explain", () => {
  const fields = (plugin: Parameters<typeof explain>[0], path?: string): ReadonlyArray<Field> => {
    const told = explain(plugin, path)
    return "fields" in told ? told.fields : []
  }

  it("tells every field with type, default and description", () => {
    expect(fields(Plugins.mesh)).toEqual([
      {
        path: "profile",
        type: '"mtls", "classic", "plaintext" or "tls"',
        required: false,
        secret: false,
        description: "How traffic crosses clusters.",
        default: "mtls"
      },
      {
        path: "gateway",
        type: "a mapping",
        required: false,
        secret: false,
        description: "The gateway between clusters.",
        default: {}
      },
      { path: "gateway.namespace", type: "text", required: false, secret: false, default: "istio-system" },
      {
        path: "gateway.port",
        type: "a whole number between 1 and 65535",
        required: false,
        secret: false,
        default: 15443
      }
    ])
  })

  it("tells the framework keys of each kind", () => {
    const names = (kind: "source" | "sink") => frameworkFields(kind).map((f) => f.path)
    expect(names("source")).toEqual(["uses", "with", "enabled", "description", "timeout"])
    expect(names("sink")).toEqual(
      expect.arrayContaining([
        "from",
        "policy",
        "guard.deletes",
        "guard.percent",
        "retry.initial",
        "retry.max",
        "retry.times"
      ])
    )
    expect(frameworkFields("sink").every((f) => f.description !== undefined)).toBe(true)
  })

  it("goes into lists, unions, free keys and schemas that hold themselves", () => {
    expect(fields(Plugins.webhook).map((f) => f.path)).toEqual([
      "url",
      "token",
      "port",
      "secure",
      "level",
      "auth",
      "auth.type",
      "auth.user",
      "auth.password",
      "auth.token",
      "note",
      "rules",
      "rules[].match",
      "rules[].also",
      "rules[].also[].match",
      "rules[].also[].also",
      "echo"
    ])
    expect(fields(Plugins.webhook, "auth.password")).toMatchObject([{ secret: true, required: false }])
    expect(fields(Plugins.kubernetes, "labels").map((f) => f.path)).toEqual(["labels", "labels.<name>"])
    expect(explain(Plugins.webhook, "auth.pasword")).toEqual({
      unknown: "auth.pasword",
      help: 'did you mean "auth.password"?'
    })
  })
})

describe("reference pages", () => {
  it("show every field, and examples that load", () => {
    expect(referencePage(Plugins.json)).toBe(`# source \`json\`

Reads clusters.json and services.json.

## Configuration

| key | value | default | meaning |
| --- | --- | --- | --- |
| \`clusters\` | text that is not empty | required | File with the clusters. For example \`"clusters.json"\`. |
| \`services\` | text that is not empty | required | File with the services. |
| \`watch\` | true or false | \`true\` | Reads again when a file changes. |

## Examples

Two files.

\`\`\`yaml
sources:
  json:
    uses: json
    with:
      clusters: clusters.json
      services: services.json
\`\`\`
`)
    expect(referencePage(Plugins.stdout)).toContain("It takes no configuration")
    for (const { plugin } of Plugins.plugins)
      expect(referencePage(plugin)).toContain(`# ${kindOf(plugin)} \`${plugin.type}\``)
  })
})
