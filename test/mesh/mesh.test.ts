// The short matrix on two real meshes. `npm run mesh` runs the long one.
import { describe, expect, it } from "vitest"
import { lacking } from "../parts/Parts.ts"
import { two } from "./Fleet.ts"
import { agrees, worldOf } from "./Agreement.ts"
import { cells } from "./Matrix.ts"
import { parts, startMesh } from "./Mesh.ts"
import { mtls } from "./Profiles.ts"
import { shortMatrix } from "./Suites.ts"

describe.skipIf(lacking(...parts))("two real meshes", () => {
  it("deliver every call of the matrix", { timeout: 240_000 }, async () => {
    await using mesh = await startMesh(two, mtls)
    const checks = await shortMatrix(mesh)
    expect(checks.filter((check) => !check.ok)).toEqual([])
    expect(checks.filter((check) => check.part === "delivery")).toHaveLength(20)
    expect(checks.filter((check) => check.part === "simulator")).toHaveLength(20)
    // Told something else than what runs there, the simulator is caught.
    const other = worldOf(mesh, (name) => mesh.outputs.get(name)!.manifest.replaceAll("outlierDetection:", "other:"))
    const shared = cells(mesh).find(({ from, service }) => from.name === "a" && Object.keys(service.runs).length > 1)!
    expect(await agrees("simulator", shared, other, {}, 2)).toMatchObject({ ok: false })
  })
})
