// A script as one writes it in an hour: JSON lines, written in chunks.
import { writeSync } from "node:fs"
import { objects } from "./objects.mjs"

let chunk = ""
for (const object of objects(process.argv[2])) {
  chunk += `${JSON.stringify(object)}\n`
  if (chunk.length > 1 << 20) {
    writeSync(1, chunk)
    chunk = ""
  }
}
writeSync(1, chunk)
