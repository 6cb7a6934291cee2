// One suite for Node and Deno. `deno task test` and test/run.ts run the same files on both.
import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"

const deno = "deno" in process.versions

// On Deno: what people run there. What only starts other programs, or real servers, is the same on both.
const elsewhere = [
  "packages/kubernetes/test/**",
  "packages/ui/test/**",
  "plugins/sink-git/test/**",
  "plugins/sink-kubectl-apply/test/**",
  "plugins/source-kubernetes/test/**",
  "test/cli/author*.test.ts",
  "test/cli/pack.test.ts",
  "test/docs/docs.test.ts",
  "test/gitops.test.ts",
  "test/istio/**",
  "test/parts/**"
]

// A suite of its own: `npm run mesh`.
const apart = process.env.CW_SUITE === "all" ? [] : ["test/mesh/**"]

export default defineConfig({
  test: {
    include: ["packages/*/test/**/*.test.ts", "plugins/*/test/**/*.test.ts", "test/**/*.test.ts"],
    exclude: [
      "**/node_modules/**",
      "**/dist/**",
      "**/testdata/**",
      "test/fixtures/**",
      ...apart,
      ...(deno ? elsewhere : [])
    ],
    // Tests that spawn cw pay for a whole process; a machine with two cores and a build beside it needs patience.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // A shared machine may stall for seconds; what fails three times is broken.
    retry: process.env.CI ? 2 : 0,
    pool: "forks",
    maxWorkers: Math.max(2, availableParallelism()),
    env: { NO_COLOR: "1", CW_TEST_RUNTIME: deno ? "deno" : "node" }
  }
})
