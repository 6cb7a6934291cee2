/**
 * What a law is, and how it says that it is broken: which law, what happened, and the evidence.
 * Nothing here knows a test runner: a law is a name and a function that rejects.
 */
export const titles = {
  S1: "after an apply, the plan is empty",
  S2: "planning writes nothing, and twice gives the same plan",
  S3: "interrupted or killed at any step, the next apply converges",
  S4: "what the sink did not create is neither deleted nor changed",
  S5: "faults are told apart: permanent, retryable, reported",
  T1: "same input, same bytes, in whatever order it comes",
  T2: "the input is not changed",
  T3: "the output is Kubernetes objects or files, each once per cluster",
  R1: "the first snapshot is complete, or the stream fails",
  R2: "an interrupt releases everything within a second",
  R3: "after contact was lost, nothing is missing and nothing is left over",
  C1: "JSON Schema and decoder accept and refuse the same configurations"
} as const

export type LawName = keyof typeof titles

/** The laws of each kind of plugin, in order. */
export const lawsOf = {
  source: ["R1", "R2", "R3", "C1"],
  transform: ["T1", "T2", "T3", "C1"],
  check: ["C1"],
  sink: ["S1", "S2", "S3", "S4", "S5", "C1"]
} as const satisfies Record<string, ReadonlyArray<LawName>>

export interface Law {
  readonly name: LawName
  readonly title: string
  /** Milliseconds that a slow world may need. */
  readonly timeout: number
  /** Why the law does not apply, as the subject says; `run` then does nothing. */
  readonly declined?: string
  /** Rejects with `LawBroken`. */
  readonly run: () => Promise<void>
}

export class LawBroken extends Error {
  override readonly name = "LawBroken"
  readonly law: LawName
  /** One sentence. */
  readonly what: string
  /** What was seen, a line each. */
  readonly evidence: ReadonlyArray<string>

  constructor(law: LawName, what: string, evidence: ReadonlyArray<string> = []) {
    const shown = evidence.length > 20 ? [...evidence.slice(0, 20), `… and ${evidence.length - 20} more`] : evidence
    super([`${law} (${titles[law]}) is broken: ${what}`, ...shown.map((line) => `  ${line}`)].join("\n"))
    this.law = law
    this.what = what
    this.evidence = evidence
  }

  /** The same, with the circumstances told first. */
  within(how: string): LawBroken {
    return new LawBroken(this.law, `${how}: ${this.what}`, this.evidence)
  }
}

/** Two texts at the first line in which they differ. */
export const firstDifference = (before: string, after: string): ReadonlyArray<string> => {
  const [a, b] = [before.split("\n"), after.split("\n")]
  let i = 0
  while (i < a.length && a[i] === b[i]) i++
  const line = (lines: ReadonlyArray<string>) => (lines[i] === undefined ? "(the end)" : clip(lines[i]!))
  return [`line ${i + 1}`, `- ${line(a)}`, `+ ${line(b)}`]
}

export const clip = (text: string, length = 160): string => (text.length > length ? `${text.slice(0, length)}…` : text)
