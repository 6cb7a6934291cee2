/**
 * The part of `node:test` that tests of plugins use, for `cw test`: nothing is installed, and the same files run with
 * `node --test`. Tests run one after the other, in the order in which they were written.
 */
type Body = (context: Context) => unknown
interface Options {
  readonly timeout?: number
  readonly skip?: boolean | string
  readonly todo?: boolean | string
}
interface Context {
  readonly name: string
  readonly diagnostic: (message: string) => void
  readonly skip: (reason?: string) => void
  readonly after: (run: Hook) => void
  readonly test: typeof test
}
type Hook = () => unknown

export interface Test {
  readonly name: string
  readonly skip: string | undefined
  readonly run: () => Promise<{ readonly skipped?: string }>
}

interface Suite {
  readonly name: string
  readonly parent: Suite | undefined
  readonly hooks: Record<"before" | "after" | "beforeEach" | "afterEach", Array<Hook>>
  begun: boolean
}

const suiteOf = (name: string, parent: Suite | undefined): Suite => ({
  name,
  parent,
  hooks: { before: [], after: [], beforeEach: [], afterEach: [] },
  begun: false
})

let tests: Array<Test> = []
let suites: Array<Suite> = []
let current = suiteOf("", undefined)

/** Forgets what an earlier file declared. */
export const reset = (): void => {
  tests = []
  current = suiteOf("", undefined)
  suites = [current]
}

/** What was declared since, and what to do when all are through. */
export const collected = (): { readonly tests: ReadonlyArray<Test>; readonly finish: () => Promise<void> } => {
  const all = suites
  return {
    tests,
    finish: async () => {
      for (const suite of [...all].reverse()) if (suite.begun) for (const hook of suite.hooks.after) await hook()
    }
  }
}

const lineage = (suite: Suite): ReadonlyArray<Suite> => [
  ...(suite.parent === undefined ? [] : lineage(suite.parent)),
  suite
]

const parse = (args: ReadonlyArray<unknown>): { name: string; options: Options; body: Body | undefined } => ({
  name: args.find((a): a is string => typeof a === "string") ?? "a test",
  options: args.find((a): a is Options => typeof a === "object" && a !== null) ?? {},
  body: args.find((a): a is Body => typeof a === "function")
})

const because = (...reasons: ReadonlyArray<boolean | string | undefined>): string | undefined => {
  const found = reasons.find((r) => r !== undefined && r !== false)
  return found === undefined ? undefined : found === true ? "skipped" : String(found)
}

const defaultTimeout = 60_000

function declare(args: ReadonlyArray<unknown>, skip: string | undefined): Promise<void> {
  const { body, name, options } = parse(args)
  const suites = lineage(current)
  const full = [...suites.map((s) => s.name).filter((n) => n !== ""), name].join(" › ")
  tests.push({
    name: full,
    skip: because(skip, options.skip, options.todo, body === undefined ? "not written yet" : undefined),
    run: async () => {
      for (const suite of suites) {
        if (!suite.begun) for (const hook of suite.hooks.before) await hook()
        suite.begun = true
        for (const hook of suite.hooks.beforeEach) await hook()
      }
      const cleanups: Array<Hook> = []
      let skipped: string | undefined
      const context: Context = {
        name,
        diagnostic: () => {},
        skip: (reason) => void (skipped = reason ?? "skipped"),
        after: (run) => void cleanups.push(run),
        test
      }
      try {
        await limited(Promise.resolve(body!(context)), options.timeout ?? defaultTimeout)
      } finally {
        for (const cleanup of cleanups.reverse()) await cleanup()
        for (const suite of [...suites].reverse()) for (const hook of suite.hooks.afterEach) await hook()
      }
      return skipped === undefined ? {} : { skipped }
    }
  })
  return Promise.resolve()
}

const limited = async (run: Promise<unknown>, millis: number): Promise<void> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`it took longer than ${millis} ms`)), millis)
  })
  try {
    await Promise.race([run, late])
  } finally {
    clearTimeout(timer)
  }
}

export const test = Object.assign((...args: ReadonlyArray<unknown>) => declare(args, undefined), {
  skip: (...args: ReadonlyArray<unknown>) => declare(args, "skipped"),
  todo: (...args: ReadonlyArray<unknown>) => declare(args, "not written yet")
})
export const it = test

const group = (...args: ReadonlyArray<unknown>): Promise<void> => {
  const { body, name } = parse(args)
  const outer = current
  current = suiteOf(name, outer)
  suites.push(current)
  try {
    body?.(undefined as never)
  } finally {
    current = outer
  }
  return Promise.resolve()
}
export const describe = Object.assign(group, { skip: () => Promise.resolve() })
export const suite = describe

const hook = (when: keyof Suite["hooks"]) => (run: Hook) => void current.hooks[when].push(run)
export const before = hook("before")
export const after = hook("after")
export const beforeEach = hook("beforeEach")
export const afterEach = hook("afterEach")

export default test
