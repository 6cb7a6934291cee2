// The same with the `yaml` package, a document at a time.
import { writeSync } from "node:fs"
import { stringify } from "yaml"
import { objects } from "./objects.mjs"

for (const object of objects(process.argv[2])) writeSync(1, `---\n${stringify(object)}`)
