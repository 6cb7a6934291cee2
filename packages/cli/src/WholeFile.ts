/**
 * Puts a small file in place whole or not at all: it is written beside and renamed. The name beside is a new one each
 * time, because in containers a process often has the number of the one before, which may have died halfway.
 */
import { renameSync, rmSync, writeFileSync } from "node:fs"

/** Throws what the file system says; then nothing has changed. */
export const replace = (path: string, text: string): void => {
  const temporary = `${path}.${Math.random().toString(36).slice(2)}.tmp`
  try {
    // What stands there by chance, or as a trap, is none of ours.
    writeFileSync(temporary, text, { flag: "wx" })
    renameSync(temporary, path)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") rmSync(temporary, { force: true })
    throw cause
  }
}
