// node test/parts/bin.ts ensure [part...] | status: makes the real parts, or says which are there.
// stdout carries one line per part: name, version, place; progress goes to stderr. Exit 1 when a part is missing.
import { ensure, locate, type Part } from "./Parts.ts"
import { type PartName, partNames } from "./Recipes.ts"

const usage = `usage: node test/parts/bin.ts ensure [part...] | status\nparts: ${partNames.join(" ")}\n`

const isPart = (name: string): name is PartName => (partNames as ReadonlyArray<string>).includes(name)

const report = (part: Part<PartName>): void => {
  const place = part.ready ? part.dir : `missing: ${part.reason}`
  process.stdout.write(`${part.name.padEnd(15)} ${part.version.padEnd(8)} ${place}\n`)
  if (!part.ready) process.exitCode = 1
}

const [command, ...names] = process.argv.slice(2)
const known = names.filter(isPart)
if (known.length < names.length || (command === "status" && names.length > 0)) {
  process.stderr.write(usage)
  process.exitCode = 64
} else if (command === "status") {
  for (const name of partNames) report(locate(name))
} else if (command === "ensure") {
  for (const name of known.length > 0 ? known : partNames) report(await ensure(name))
} else {
  process.stderr.write(usage)
  process.exitCode = 64
}
