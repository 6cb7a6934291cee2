/**
 * Reads what a kubeconfig and its like name: small files, and pipes, as a shell makes them of `<(…)`. A pipe into which
 * nobody writes is given up: it is never opened in a way that would hold a thread, and with it the end of the process.
 */
import { constants, type Stats } from "node:fs"
import { open, readFile, stat } from "node:fs/promises"
import { setTimeout as sleep } from "node:timers/promises"

const most = 16 * 1024 * 1024
const pause = 20

const tooLarge = (size: number) => new Error(`it has ${size} bytes`)

const fromPipe = async (path: string, signal: AbortSignal | undefined, patience: number): Promise<Buffer> => {
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  try {
    const chunks: Array<Buffer> = []
    let size = 0
    for (const until = Date.now() + patience; Date.now() < until; ) {
      const buffer = Buffer.alloc(65_536)
      const read = await file.read(buffer, 0, buffer.length, null).catch((cause: NodeJS.ErrnoException) => {
        if (cause.code !== "EAGAIN") throw cause
      })
      if (read !== undefined && read.bytesRead > 0) {
        chunks.push(buffer.subarray(0, read.bytesRead))
        size += read.bytesRead
        if (size > most) throw tooLarge(size)
      } else if (read !== undefined && size > 0) return Buffer.concat(chunks)
      // No writer yet, or one that has not written yet.
      else await sleep(pause, undefined, signal === undefined ? {} : { signal })
    }
    throw new Error(`${size === 0 ? "nothing" : "no end"} came within ${patience / 1000} s`)
  } finally {
    await file.close()
  }
}

/** `patience` in milliseconds is for pipes. Rejects with what the file system says, or with words for a person in an error without a code. */
export const readSmallFile = async (path: string, signal?: AbortSignal, patience = 10_000): Promise<Buffer> => {
  const info: Stats = await stat(path)
  if (info.isDirectory()) throw Object.assign(new Error("it is a directory"), { code: "EISDIR" })
  if (!info.isFile()) return fromPipe(path, signal, patience)
  if (info.size > most) throw tooLarge(info.size)
  return readFile(path, signal === undefined ? {} : { signal })
}

/** Why, in a word: `ENOENT`, or the words themselves. */
export const codeOf = (cause: unknown): string => (cause as NodeJS.ErrnoException).code ?? (cause as Error).message
