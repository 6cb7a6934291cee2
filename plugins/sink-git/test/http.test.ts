/** Over HTTP with Git's own backend: tokens, lost connections, secrets that show nowhere, and pull requests. */
import { Given } from "@coddiwomple/testing"
import { readdirSync, readFileSync, statSync } from "node:fs"
import * as path from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { Process, type Running } from "./Process.ts"
import { programs, Repository } from "./Repository.ts"
import { GitServer } from "./Server.ts"

let repo: Repository
let server: GitServer
const running: Array<Running> = []
beforeEach(async () => {
  repo = new Repository()
  server = await new GitServer(repo).listen()
})
afterEach(async () => {
  for (const one of running.splice(0)) await one.end()
  await server[Symbol.asyncDispose]()
  repo[Symbol.dispose]()
})

const sink = async (config: object = {}) => {
  const made = await Process.start(
    { url: server.url, path: "clusters/{cluster}", token: server.token, budget: "5s", ...config },
    { directory: repo.home, cache: path.join(repo.home, "cache") }
  )
  running.push(made)
  return made
}

let generation = 0
const fleet = Given.fleet("a", "b")
const state = (values: Readonly<Record<string, string>>) =>
  Given.desired(
    Object.entries(values).map(([name, value]) => Given.configMap(fleet, name, { value })),
    { generation: ++generation }
  )
const x = "clusters/a/default/configmap-x.yaml"

describe("http", () => {
  it("pushes with a token that is in no argument, URL, file or message", async () => {
    // What is written here is read below, with all files.
    using _ = programs(repo.home, { git: `echo "$@" >> ${repo.home}/arguments; exec $real "$@"` })
    const one = await sink()
    await one.deliver(state({ x: "1" }))
    expect(repo.read(x)).toContain('value: "1"')
    expect(await one.deliver(state({ x: "1" }))).toEqual([])
    const forms = [
      server.token,
      encodeURIComponent(server.token),
      Buffer.from(`x-access-token:${server.token}`).toString("base64")
    ]
    expect(readFileSync(`${repo.home}/arguments`, "utf8")).toContain("push --porcelain")
    for (const name of readdirSync(repo.home, { recursive: true, encoding: "utf8" })) {
      const file = path.join(repo.home, name)
      if (statSync(file).isFile())
        for (const form of forms) expect(readFileSync(file, "latin1").includes(form), name).toBe(false)
    }
    for (const line of server.requests) for (const form of forms) expect(line).not.toContain(form)
  })

  it("a wrong token is told apart, shown nowhere and not tried again", async () => {
    const bad = await sink({ token: "wr0ng-token" })
    const failure = await bad.plan(state({ x: "1" })).catch((e) => e)
    expect(failure).toMatchObject({ retryable: false, diagnostics: [{ code: "CW712" }] })
    expect(JSON.stringify(failure) + failure.message).not.toContain("wr0ng")
  })

  it("a server that is not there may come back", async () => {
    const one = await sink({ url: "http://127.0.0.1:1/acme/fleet.git" })
    await expect(one.plan(state({ x: "1" }))).rejects.toMatchObject({ retryable: true })
    const gone = await sink({ url: `${server.origin}/acme/other.git` })
    await expect(gone.plan(state({ x: "1" }))).rejects.toMatchObject({ retryable: false })
  })

  it("G3: a push that is cut after the branch moved counts once; before, it is tried again later", async () => {
    const one = await sink()
    server.cut = "after"
    await one.deliver(state({ x: "1" }))
    expect(repo.commits()).toBe(1)
    server.cut = "before"
    const desired = state({ x: "2" })
    await expect(one.deliver(desired)).rejects.toMatchObject({ retryable: true })
    server.cut = undefined
    await one.deliver(desired)
    expect(repo.commits()).toBe(2)
    expect(await one.deliver(state({ x: "2" }))).toEqual([])
  })
})

describe("pull requests", () => {
  const pullRequest = () => ({ pullRequest: { api: `${server.origin}/api`, body: "Please review." } })
  const head = "cw/test"

  it("one for all generations: made, brought up to date, closed when nothing is left", async () => {
    repo.commit({ "README.md": "hello\n" })
    const main = repo.tip()
    const one = await sink(pullRequest())
    await one.deliver(state({ x: "1" }))
    expect(repo.tip()).toBe(main)
    expect(repo.read(x, head)).toContain('value: "1"')
    expect(server.pulls).toMatchObject([{ state: "open", head, base: "main", title: "test: 4 created in 2 clusters" }])
    expect(server.pulls[0]!.body).toMatch(/^Please review\.\n\na: 2 created\nb: 2 created/)
    expect(await one.deliver(state({ x: "1" }))).toEqual([])
    await one.deliver(state({ x: "2" }))
    expect(server.pulls.length).toBe(1)
    // One commit on top of the target, however often it changed.
    expect(repo.git("rev-list", "--count", `main..${head}`)).toBe("1")
    // Back to what main has: nothing to merge.
    await one.deliver(state({}))
    expect(server.pulls[0]!.state).toBe("closed")
    expect(repo.tip(head)).toBeUndefined()
  })

  it("follows the target: rebuilt when it moves, gone when merged", async () => {
    repo.commit({ "README.md": "hello\n" })
    const one = await sink(pullRequest())
    await one.deliver(state({ x: "1" }))
    repo.commit({ "README.md": "moved\n" })
    await one.deliver(state({ x: "1" }))
    expect(repo.git("rev-list", "--count", `main..${head}`)).toBe("1")
    expect(repo.read("README.md", head)).toBe("moved\n")
    // Squashed by the server; the branch stays behind.
    const squashed = repo.git("commit-tree", `${head}^{tree}`, "-p", "main", "-m", "squashed")
    repo.git("update-ref", "refs/heads/main", squashed)
    server.pulls[0]!.state = "closed"
    expect(await one.deliver(state({ x: "1" }))).toEqual([])
    expect(repo.tip(head)).toBeUndefined()
    await one.deliver(state({ x: "2" }))
    expect(server.pulls.length).toBe(2)
  })

  it("G7: what a person committed to the branch is never overwritten", async () => {
    repo.commit({ "README.md": "hello\n" })
    const one = await sink(pullRequest())
    await one.deliver(state({ x: "1" }))
    const human = repo.commit({ [x]: "mine\n" }, head)
    const failure = await one.plan(state({ x: "2" })).catch((e) => e)
    expect(failure).toMatchObject({ retryable: false, diagnostics: [{ code: "CW711" }] })
    expect(failure.message).toContain("Ada <ada@example.com>")
    expect(repo.tip(head)).toBe(human)
    // Also between plan and push.
    repo.git("update-ref", `refs/heads/${head}`, `${head}~1`)
    const desired = state({ x: "2" })
    const plan = await one.plan(desired)
    repo.commit({ [x]: "mine\n" }, head)
    await expect(one.apply(plan, desired)).rejects.toMatchObject({ retryable: false })
    expect(repo.read(x, head)).toBe("mine\n")
  })

  it("waits where the server says so; a refusal is told with its words; a missing request is made by the next run", async () => {
    repo.commit({ "README.md": "hello\n" })
    const one = await sink(pullRequest())
    server.answers.push({ status: 429, headers: { "retry-after": "0" } }, { status: 502 })
    await one.deliver(state({ x: "1" }))
    expect(server.pulls.length).toBe(1)
    server.pulls[0]!.state = "closed"
    server.answers.push(
      { status: 200, body: [] },
      { status: 200, body: [] },
      { status: 403, body: { message: "Resource not accessible" } }
    )
    const failure = await one.deliver(state({ x: "1" })).catch((e) => e)
    expect(failure).toMatchObject({ retryable: false, diagnostics: [{ code: "CW806" }] })
    expect(failure.message).toContain("Resource not accessible")
    await one.deliver(state({ x: "1" }))
    expect(server.pulls.map((p) => p.state)).toEqual(["closed", "open"])
  })

  it("a target that is missing, and one that is the branch itself, are told", async () => {
    await expect((await sink(pullRequest())).plan(state({ x: "1" }))).rejects.toThrow(/branch main is missing/)
    await expect(sink({ pullRequest: { branch: "main" } })).rejects.toThrow(/is main itself/)
  })
})
