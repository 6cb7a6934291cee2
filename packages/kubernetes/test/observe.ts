// node observe.ts <kubeconfig> <path>: prints what a reflector knows, one JSON line per change. For tests of processes.
import { observe } from "./Observer.ts"

const [kubeconfig, path] = process.argv.slice(2)
observe(kubeconfig!, { path: path!, project: (o) => o.metadata.uid ?? "" }, {}, undefined, (view) =>
  process.stdout.write(`${JSON.stringify([...view.items.keys()])}\n`)
)
