// Temporary files of one test file, gone when it ends.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"

export const folder = (): {
  readonly path: string
  readonly write: (name: string, text: string, mode?: number) => string
} => {
  const path = mkdtempSync(join(tmpdir(), "cw-kubernetes-"))
  afterAll(() => rmSync(path, { recursive: true, force: true }))
  return {
    path,
    write: (name, text, mode) => {
      const file = join(path, name)
      writeFileSync(file, text)
      if (mode !== undefined) chmodSync(file, mode)
      return file
    }
  }
}
