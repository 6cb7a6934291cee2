/** What every new plugin gets, whatever its kind. Texts are TypeScript, YAML and Markdown of the user, not of cw. */
import type { Kind } from "@coddiwomple/core/Plugin"

export interface Scaffold {
  /** `acme` */
  readonly name: string
  readonly kind: Kind
  /** Of cw, for the ranges in package.json. */
  readonly version: string
  readonly effect: string
}

export type Files = Readonly<Record<string, string>>

const manifest = ({ effect, kind, name, version }: Scaffold): string =>
  `${JSON.stringify(
    {
      name: `cw-${kind}-${name}`,
      version: "0.1.0",
      description: `cw plugin: ${kind} ${name}`,
      keywords: ["coddiwomple", `cw-${kind}`],
      type: "module",
      engines: { node: ">=22.19.0" },
      files: ["dist", "src"],
      exports: { ".": { types: "./src/index.ts", default: "./dist/index.js" } },
      scripts: { test: "node --test 'test/**/*.test.ts'", prepack: "node build.mjs" },
      peerDependencies: { "@coddiwomple/core": `^${version}`, effect: `^${effect}` },
      devDependencies: { "@coddiwomple/testing": `^${version}`, "@effect/platform-node": `^${effect}` }
    },
    undefined,
    2
  )}\n`

const tsconfig = `{
  // Written by cw: where the types of effect and @coddiwomple/* are in the cw you have installed.
  "extends": "./.cw/tsconfig.json",
  "include": ["src", "test"]
}
`

/** npm packages must hold JavaScript. Node itself can take the types out: no compiler is needed. */
const build = `// Takes the types out of src/*.ts and puts the JavaScript into dist/. Run by \`npm pack\` and \`npm publish\`.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { stripTypeScriptTypes } from "node:module"

rmSync("dist", { recursive: true, force: true })
mkdirSync("dist")
for (const name of readdirSync("src").filter((file) => file.endsWith(".ts"))) {
  const code = stripTypeScriptTypes(readFileSync(\`src/\${name}\`, "utf8")).replace(/(from\\s+"\\.\\/[^"]+)\\.ts"/g, '$1.js"')
  writeFileSync(\`dist/\${name.replace(/\\.ts$/, ".js")}\`, code)
}
`

const clusters = `[
  { "name": "east", "address": "203.0.113.10" },
  { "name": "west", "address": "203.0.113.20" }
]
`

const services = `[
  {
    "name": "reviews",
    "dns_prefixes": ["reviews"],
    "ports": [{ "name": "http", "protocol": "HTTP", "service_port": 80, "backend_port": 9080 }],
    "backends": {
      "east": "reviews.default.svc.cluster.local",
      "west": "reviews.default.svc.cluster.local"
    }
  },
  {
    "name": "db",
    "dns_prefixes": ["db"],
    "ports": [{ "name": "tcp", "protocol": "TCP", "service_port": 5432, "backend_port": 5432 }],
    "backends": { "east": "db.default.svc.cluster.local" }
  }
]
`

export const common = (scaffold: Scaffold): Files => ({
  "package.json": manifest(scaffold),
  "tsconfig.json": tsconfig,
  ".gitignore": "node_modules\ndist\nout\n.cw\n",
  "build.mjs": build,
  "fixtures/clusters.json": clusters,
  "fixtures/services.json": services
})

export const readme = ({ kind, name }: Scaffold, about: string, config: string): string => `# cw-${kind}-${name}

${about}

\`\`\`yaml
${config}
\`\`\`

| command | what it does |
| --- | --- |
| \`cw test\` | the laws of every ${kind}, and the tests of the pipeline; nothing has to be installed |
| \`cw plan\`, \`cw run\` | the pipeline of this folder, with the plugin as it is |
| \`cw explain ./src/index.ts\` | its configuration, as its Schema says |
| \`cw schema --write\` | completion of its keys in the editor |
| \`npm i && npm test\` | the laws without cw, for a CI that has only Node |
| \`npm publish\` | takes the types out (\`build.mjs\`) and publishes; then \`uses: npm:cw-${kind}-${name}\` |
`

export const header = (name: string): string => `# cw plan shows what this would do, cw run does it.
apiVersion: coddiwomple.io/v1alpha1
kind: Pipeline
metadata: { name: ${name} }
`

export const inventory = `sources:
  inventory: { uses: json, with: { clusters: fixtures/clusters.json, services: fixtures/services.json } }
`

export const pipelineTest = (
  title: string,
  expect: string
): string => `# Run by cw test; --update writes golden files anew.
apiVersion: coddiwomple.io/v1alpha1
kind: PipelineTest
metadata: { name: ${title} }
given:
  sources:
    inventory: { clusters: fixtures/clusters.json, services: fixtures/services.json }
expect:
${expect}`

export const lawsHead = (
  imports: string
): string => `/** The laws that every plugin of this kind keeps. Run by \`cw test\`; by \`npm test\` where the devDependencies are installed. */
${imports}
import plugin from "../src/index.ts"
`

export const lawsTail = `for (const law of laws(subject)) test(\`\${law.name}: \${law.title}\`, { timeout: law.timeout }, law.run)
`
