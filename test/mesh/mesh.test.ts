// The short matrix on two real meshes. `npm run mesh` runs the long one.
import { describe, expect, it } from "vitest"
import { lacking } from "../parts/Parts.ts"
import { two } from "./Fleet.ts"
import { parts, startMesh } from "./Mesh.ts"
import { mtls } from "./Profiles.ts"
import { fullMatrix } from "./Suites.ts"

describe.skipIf(lacking(...parts))("two real meshes", () => {
  it("deliver every call of the matrix", { timeout: 240_000 }, async () => {
    await using mesh = await startMesh(two, mtls)
    const checks = await fullMatrix(mesh)
    expect(checks.filter((check) => !check.ok)).toEqual([])
    expect(checks.filter((check) => check.part === "delivery")).toHaveLength(20)
  })
})
