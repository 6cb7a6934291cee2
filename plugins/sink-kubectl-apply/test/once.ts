// node once.ts <kubeconfig> <objects.json>: one run of the sink as a process that a test can kill.
import { readFileSync } from "node:fs"
import { apply } from "./Driver.ts"

const [kubeconfig, file] = process.argv.slice(2)
await apply({ east: kubeconfig! }, JSON.parse(readFileSync(file!, "utf8")))
