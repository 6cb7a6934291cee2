/**
 * The two streams of the process. Data goes to stdout with back-pressure, everything said to a person goes to stderr.
 * A reader that closes the pipe early, as `head` does, has what it wanted: EPIPE ends cw quietly with 0.
 */
import { fstatSync, writeSync } from "node:fs"

export type Style = "error" | "warning" | "info" | "bold" | "dim" | "added" | "removed" | "changed"
export type ColorMode = "auto" | "always" | "never"

const codes: Record<Style, string> = {
  error: "31;1",
  warning: "33;1",
  info: "36;1",
  bold: "1",
  dim: "2",
  added: "32",
  removed: "31",
  changed: "33"
}

export type Paint = (style: Style, text: string) => string

export const plain: Paint = (_style, text) => text
const coloured: Paint = (style, text) => (text === "" ? "" : `\u001b[${codes[style]}m${text}\u001b[0m`)

/** `--color` wins, then NO_COLOR and FORCE_COLOR, then whether the stream is a terminal. */
export const paint = (
  mode: ColorMode,
  stream: { readonly isTTY?: boolean },
  env: NodeJS.ProcessEnv = process.env
): Paint => {
  if (mode !== "auto") return mode === "always" ? coloured : plain
  if (env.NO_COLOR) return plain
  if (env.FORCE_COLOR !== undefined) return env.FORCE_COLOR === "0" || env.FORCE_COLOR === "false" ? plain : coloured
  return stream.isTTY === true && env.TERM !== "dumb" ? coloured : plain
}

/**
 * Quiet end when nobody reads any more, a plain one when nothing more fits. To be called once, before the first write;
 * `leave` ends the process.
 */
export const endWithReader = (leave: (code: number) => void): void => {
  const end = (stream: string) => (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE" || error.code === "ERR_STREAM_DESTROYED") return leave(0)
    sayNow(`cw: standard ${stream} cannot be written: ${error.message.replace(/, write$/, "")}`)
    leave(1)
  }
  process.stdout.on("error", end("output"))
  process.stderr.on("error", end("error"))
}

let clean = (text: string): string => text

/** What takes out of words that nobody else looks through what must not be said. */
export const cleanWith = (by: (text: string) => string): void => void (clean = by)

/** Resolves when all that was written is out; a stream that nobody wrote to is left alone. */
export const flushed = async (stream: NodeJS.WriteStream): Promise<void> => {
  if (stream.writableLength > 0) await write("", stream)
}

/** Resolves when the stream has taken the bytes. */
export const write = (bytes: string | Uint8Array, stream: NodeJS.WriteStream = process.stdout): Promise<void> =>
  typeof bytes !== "string" && stream === process.stdout && isFile()
    ? writeAll(bytes)
    : new Promise((resolve, reject) => {
        put(stream)(bytes, (error) => (error == null ? resolve() : reject(error)))
      })

/** A line of data for programs that read along. */
export const line = (text: string): void => void put(process.stdout)(`${text}\n`)

type Write = (bytes: string | Uint8Array, done?: (error?: Error | null) => void) => boolean

let own: Write | undefined
const put = (stream: NodeJS.WriteStream): Write =>
  stream === process.stdout && own !== undefined ? own : stream.write.bind(stream)

/** From now on data is what this module writes: whatever others write to standard output is told on stderr, cleaned. */
export const keepStdout = (): void => {
  const { stderr, stdout } = process
  if (own !== undefined) return
  own = stdout.write.bind(stdout)
  let full = false
  const tell = (bytes: string | Uint8Array, ...more: ReadonlyArray<never>): boolean => {
    const room = stderr.write(typeof bytes === "string" ? clean(bytes) : bytes, ...more)
    if (room || full) return room
    full = true
    stderr.once("drain", () => {
      full = false
      stdout.emit("drain")
    })
    return false
  }
  const end = (...last: ReadonlyArray<unknown>): NodeJS.WriteStream => {
    if (typeof last[0] === "string" || last[0] instanceof Uint8Array) tell(last[0])
    const done = last.find((each) => typeof each === "function")
    if (done !== undefined) process.nextTick(done)
    return stdout
  }
  Object.assign(stdout, { write: tell, end })
}

let file: boolean | undefined
const isFile = (): boolean => {
  if (file === undefined) {
    try {
      file = fstatSync(1).isFile()
    } catch {
      file = false
    }
  }
  return file
}

/** After so many bytes the program looks whether it was interrupted meanwhile. */
const breath = 1 << 22
let unbroken = 0

/** At once: asking another thread for every piece costs more than the kernel takes to copy it. */
const writeAll = async (bytes: Uint8Array): Promise<void> => {
  for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at)
  unbroken += bytes.length
  if (unbroken < breath) return
  unbroken = 0
  await new Promise((resolve) => setImmediate(resolve))
}

/** For the last words of a process that ends at once. */
export const sayNow = (line: string): void => {
  try {
    writeSync(2, `${clean(line)}\n`)
  } catch {
    // Nobody listens.
  }
}

export const say = (text: string): void => {
  clear()
  process.stderr.write(`${text}\n`)
}

let shown = ""

const clear = (): void => {
  if (shown === "") return
  shown = ""
  process.stderr.write("\r\u001b[K")
}

/**
 * One line that says what is going on, on a terminal and only when the work takes longer than half a second.
 * Any other word on stderr wipes it first.
 */
export class Progress {
  private text = ""
  private readonly timer: NodeJS.Timeout | undefined
  private readonly started = Date.now()

  constructor(wanted: boolean) {
    const able = wanted && process.stderr.isTTY === true && process.env.TERM !== "dumb" && !process.env.CI
    this.timer = able ? setInterval(() => this.draw(), 100) : undefined
    this.timer?.unref()
  }

  show(text: string): void {
    this.text = text
  }

  private draw(): void {
    const elapsed = Date.now() - this.started
    if (elapsed < 500 || this.text === "") return
    const seconds = `${Math.floor(elapsed / 1000)} s`
    const room = Math.max(20, (process.stderr.columns ?? 80) - seconds.length - 4)
    const line = `${this.text.slice(0, room)}… ${seconds}`
    if (line === shown) return
    process.stderr.write(`\r\u001b[K\u001b[2m${line}\u001b[0m`)
    shown = line
  }

  end(): void {
    clearInterval(this.timer)
    clear()
  }
}

/** A question on stderr, answered on stdin; anything but yes, and the end of input, is no. */
export const confirm = async (question: string): Promise<boolean> => {
  const { createInterface } = await import("node:readline")
  clear()
  process.stderr.write(`${question} [y/N] `)
  // No raw mode: Ctrl-C stays a signal.
  const lines = createInterface({ input: process.stdin, terminal: false })
  const answer = await new Promise<string>((resolve) => {
    lines.once("line", resolve)
    lines.once("close", () => resolve(""))
  })
  lines.close()
  return /^y(es)?$/i.test(answer.trim())
}
