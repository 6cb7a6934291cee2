/**
 * Laws and fakes for authors of plugins:
 *
 *     for (const law of laws({ plugin, world: Worlds.directory(), desired: Given.story() })) test(`${law.name}: ${law.title}`, law.run)
 */
export * as FakeHost from "./FakeHost.ts"
export * as FaultyFileSystem from "./FaultyFileSystem.ts"
export * as FaultyHttp from "./FaultyHttp.ts"
export * as Given from "./Given.ts"
export { type Law, LawBroken, type LawName, lawsOf, titles } from "./Law.ts"
export { judge, laws } from "./Laws.ts"
export { Steps } from "./Steps.ts"
export type * from "./Subject.ts"
export * as Worlds from "./Worlds.ts"
