// One suite for Node and Deno. `deno task test` and test/run.ts run the same files on both.
import { defineConfig } from "vitest/config"

const deno = "deno" in process.versions

export default defineConfig({
  test: {
    include: ["packages/*/test/**/*.test.ts", "plugins/*/test/**/*.test.ts", "test/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**", "**/testdata/**", "test/fixtures/**"],
    // Tests that spawn cw pay for a whole process; a machine with two cores and a build beside it needs patience.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: "forks",
    maxWorkers: 2,
    env: { NO_COLOR: "1", CW_TEST_RUNTIME: deno ? "deno" : "node" }
  }
})
