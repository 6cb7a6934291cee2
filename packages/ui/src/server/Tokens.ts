/**
 * Who may ask. A launch token opens one page and is then worth nothing; what the page keeps is a bearer that ends with
 * this process. Comparisons take the same time whatever is wrong.
 */
import { randomBytes, timingSafeEqual } from "node:crypto"

const secret = (): string => randomBytes(32).toString("base64url")

const equal = (a: string, b: string): boolean => {
  const left = Buffer.from(a)
  const right = Buffer.from(b)
  return left.length === right.length && timingSafeEqual(left, right)
}

export class Tokens {
  private readonly bearer = secret()
  private readonly launches = new Map<string, number>()

  /** A token for one page, good for `millis`; without it, until it is used. */
  launch(millis = Number.POSITIVE_INFINITY): string {
    const token = secret()
    this.launches.set(token, Date.now() + millis)
    return token
  }

  /** The bearer for a launch token that is known, unused and not too old. */
  exchange(token: string): string | undefined {
    for (const [known, until] of this.launches) {
      if (!equal(known, token)) continue
      this.launches.delete(known)
      return Date.now() <= until ? this.bearer : undefined
    }
    return undefined
  }

  /** For terminal clients, through a file only its owner can read. */
  get session(): string {
    return this.bearer
  }

  admits(authorization: string | undefined): boolean {
    return authorization !== undefined && equal(authorization, `Bearer ${this.bearer}`)
  }
}
