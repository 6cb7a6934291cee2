/** The laws that every sink keeps, on a bare repository. */
import { type Fault, Given, laws, type SinkSubject, type World } from "@coddiwomple/testing"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { randomUUID } from "node:crypto"
import * as fs from "node:fs"
import * as path from "node:path"
import { afterAll, describe, it } from "vitest"
import plugin from "../src/index.ts"
import { Repository } from "./Repository.ts"

const repository = new Repository()
afterAll(() => repository[Symbol.dispose]())
const cache = path.join(repository.home, "cache")
const gone = `${repository.dir}.gone`

const world: World = {
  directory: repository.home,
  reset: () => {
    repository.make()
    fs.rmSync(cache, { recursive: true, force: true })
  },
  fingerprint: () => repository.tree(),
  foreign: (at) => {
    const name =
      at ??
      ([...repository.tree().keys()].some((p) => p.startsWith("clusters/a/")) ? "clusters/a/NOTES.txt" : "NOTES.txt")
    repository.commit({ [name]: `somebody else's ${randomUUID()}\n` })
    return name
  }
}

const faults: ReadonlyArray<Fault> = [
  {
    title: "the repository is not there",
    must: "permanent",
    arrange: () => fs.renameSync(repository.dir, gone),
    release: () => fs.renameSync(gone, repository.dir)
  },
  {
    title: "a hook refuses",
    must: "permanent",
    arrange: () => repository.hook("pre-receive", "echo no; exit 1"),
    release: () => repository.hook("pre-receive", undefined)
  },
  {
    title: "the server dies before the branch moves",
    must: "retryable",
    arrange: () => repository.hook("pre-receive", "kill -9 $PPID"),
    release: () => repository.hook("pre-receive", undefined)
  }
]

const subject: SinkSubject = {
  plugin,
  config: { url: "fleet.git", path: "clusters/{cluster}" },
  accepts: [{ url: "git@example.com:a/b.git" }, { url: "ssh://git@example.com:22/a/b" }, { url: "x", budget: "1m30s" }],
  rejects: [
    {},
    { url: "" },
    { url: "--upload-pack=x" },
    { url: "ext::sh -c x" },
    { url: "ftp://example.com/x" },
    { url: "https://me:secret@example.com/x.git" },
    { url: "x", branch: "-x" },
    { url: "x", branch: "a..b" },
    { url: "x", path: "clusters" },
    { url: "x", path: "../{cluster}" },
    { url: "x", path: ".git/{cluster}" },
    { url: "x", layout: "{name}.yaml" },
    { url: "x", author: { name: "a\nb" } },
    { url: "x", pullRequest: {} },
    { url: "x", sign: {} }
  ],
  platform: NodeServices.layer,
  world,
  host: { cacheDirectory: cache },
  desired: Given.story({ forms: ["object", "file"] }),
  faults,
  interruptions: 10
}

describe("sink-git", () => {
  for (const law of laws(subject)) it(`${law.name}: ${law.title}`, law.run, 180_000)
})
