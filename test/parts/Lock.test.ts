// Two builders never work at once, and a builder that died stops nobody.
import { spawnSync } from "node:child_process"
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { hostname, tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { afterEach, beforeEach, expect, it } from "vitest"
import { withLock } from "./Lock.ts"

let dir = ""
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "cw-lock-"))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const crowd = async (file: string): Promise<{ readonly most: number; readonly done: number }> => {
  let inside = 0
  let most = 0
  let done = 0
  const one = () =>
    withLock(
      file,
      () => {},
      async () => {
        most = Math.max(most, ++inside)
        await sleep(5)
        inside--
        done++
      }
    )
  await Promise.all(Array.from({ length: 4 }, one))
  return { most, done }
}

it("lets one in at a time and leaves nothing behind", async () => {
  expect(await crowd(join(dir, "lock"))).toEqual({ most: 1, done: 4 })
  expect(readdirSync(dir)).toEqual([])
})

it("replaces a holder whose process is gone", async () => {
  const gone = spawnSync(process.execPath, ["--version"]).pid
  writeFileSync(join(dir, "lock"), JSON.stringify({ token: "dead", host: hostname(), pid: gone }))
  expect(await crowd(join(dir, "lock"))).toEqual({ most: 1, done: 4 })
  expect(readdirSync(dir)).toEqual([])
})

it("gives the lock back when the work fails", async () => {
  const work = () => Promise.reject(new Error("no compiler"))
  await expect(withLock(join(dir, "lock"), () => {}, work)).rejects.toThrow("no compiler")
  expect(readdirSync(dir)).toEqual([])
})
