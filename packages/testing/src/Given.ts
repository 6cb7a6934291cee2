/** Values for tests from terse words: `Given.fleet("a", "b")`, `Given.service("reviews", { in: ["a"] })`, `Given.desired([…])`. */
export * from "./GivenDesired.ts"
export * from "./GivenModel.ts"
