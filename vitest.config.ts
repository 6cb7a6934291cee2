// One suite for Node and Deno. `deno task test` and test/run.ts run the same files on both.
import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"

const deno = "deno" in process.versions

// They only start other programs: once is enough.
const elsewhere = ["test/docs/docs.test.ts", "test/mesh/**", "test/parts/**", "test/ui/**"]

export default defineConfig({
  test: {
    include: ["packages/*/test/**/*.test.ts", "plugins/*/test/**/*.test.ts", "test/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**", "**/testdata/**", "test/fixtures/**", ...(deno ? elsewhere : [])],
    // Tests that spawn cw pay for a whole process; a machine with two cores and a build beside it needs patience.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: "forks",
    maxWorkers: Math.max(2, availableParallelism()),
    env: { NO_COLOR: "1", CW_TEST_RUNTIME: deno ? "deno" : "node" }
  }
})
