// One builder at a time on this machine: two compilers of Kubernetes beside each other need more memory than many have.
// The lock is a file that says who holds it; a holder that died (its process is gone, or its sign of life is old) is
// replaced by exactly one of those who wait.
import { randomUUID } from "node:crypto"
import { readFileSync, rmSync, statSync, utimes, writeFileSync } from "node:fs"
import { hostname } from "node:os"
import { setTimeout as sleep } from "node:timers/promises"

interface Holder {
  readonly token: string
  readonly host: string
  readonly pid: number
}

const beat = 10_000
const tooOld = 120_000

const create = (file: string, text: string): boolean => {
  try {
    writeFileSync(file, text, { flag: "wx" })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false
    throw error
  }
}

const holder = (file: string): (Holder & { readonly age: number }) | undefined => {
  try {
    const age = Date.now() - statSync(file).mtimeMs
    const text = readFileSync(file, "utf8")
    // Empty: created this instant, or left so by a full disk.
    return text === "" ? { token: "empty", host: "", pid: 0, age } : { ...(JSON.parse(text) as Holder), age }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined
    throw error
  }
}

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}

const removeDead = (file: string, dead: Holder): void => {
  const claim = `${file}.${dead.token}`
  if (!create(claim, "")) return
  // Only the owner of the claim may remove a lock with this token, and only while it is still that one.
  if (holder(file)?.token === dead.token) rmSync(file, { force: true })
  rmSync(claim, { force: true })
}

export const withLock = async <A>(file: string, waiting: (pid: number) => void, body: () => Promise<A>): Promise<A> => {
  const mine: Holder = { token: randomUUID(), host: hostname(), pid: process.pid }
  for (let told = false; !create(file, JSON.stringify(mine)); ) {
    const other = holder(file)
    if (other === undefined) continue
    if (other.age > tooOld || (other.host === mine.host && !alive(other.pid))) {
      removeDead(file, other)
      continue
    }
    if (!told) waiting(other.pid)
    told = true
    await sleep(500)
  }
  // Without the file (somebody cleared the cache) there is nothing left to prolong, and the work goes on.
  const sign = setInterval(() => utimes(file, new Date(), new Date(), () => {}), beat)
  try {
    return await body()
  } finally {
    clearInterval(sign)
    if (holder(file)?.token === mine.token) rmSync(file, { force: true })
  }
}
