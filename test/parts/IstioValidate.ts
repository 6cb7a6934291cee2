// What a cluster with Istio would say to each document of a YAML text: metadata rules, CRD schema and CEL, and istiod's
// validation webhook. One process per call (about a third of a second); thousands of documents a second.
import { spawn } from "node:child_process"
import { files } from "./Parts.ts"

export interface Validation {
  /** Documents that hold nothing are not counted. */
  readonly index: number
  readonly kind: string
  readonly namespace: string
  readonly name: string
  /** False for kinds that are not Istio's: nothing was looked at but the YAML. */
  readonly checked: boolean
  readonly ok: boolean
  /** Each begins with the layer that refuses: `schema: …`, `metadata: …`, `istio: …`. */
  readonly errors: ReadonlyArray<string>
  readonly warnings: ReadonlyArray<string>
}

/** With `crds`, the schemas and CEL rules of that file alone. */
export const validate = (text: string, crds?: string): Promise<ReadonlyArray<Validation>> =>
  new Promise((resolve, reject) => {
    const args = crds === undefined ? [] : ["-crds", crds]
    const child = spawn(files("istio-validate")["istio-validate"], args, { stdio: ["pipe", "pipe", "pipe"] })
    let stdout = ""
    let stderr = ""
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (stdout += chunk))
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk))
    child.once("error", reject)
    child.once("close", (code) => {
      if (code !== 0) return reject(new Error(`istio-validate failed with exit code ${code}:\n${stderr}`))
      resolve(
        stdout
          .split("\n")
          .filter((line) => line !== "")
          .map((line) => JSON.parse(line) as Validation)
      )
    })
    // It answers while it reads, and may end before it has read all.
    child.stdin.on("error", () => {})
    child.stdin.end(text)
  })
