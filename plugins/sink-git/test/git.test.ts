/** The Git sink against real git: what it commits, what it leaves alone, and every fault of a remote. */
import * as Inventory from "@coddiwomple/core/Inventory"
import type { Plan } from "@coddiwomple/core/Plan"
import { Given } from "@coddiwomple/testing"
import * as fc from "fast-check"
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { Base, Draft } from "../src/Base.ts"
import { Folders } from "../src/Folders.ts"
import { kindOf, said } from "../src/Git.ts"
import { Ledger, put } from "../src/Ledger.ts"
import * as Manifest from "../src/Manifest.ts"
import { branchProblem, remoteOf, urlProblem } from "../src/Remote.ts"
import { blobId } from "../src/Wanted.ts"
import { Process, type Running } from "./Process.ts"
import { programs, Repository } from "./Repository.ts"

const running: Array<Running> = []
const repositories: Array<Repository> = []
afterEach(async () => {
  for (const one of running.splice(0)) await one.end()
  for (const one of repositories.splice(0)) one[Symbol.dispose]()
})

const repository = (options?: { readonly filter?: boolean }) => {
  const made = new Repository(options)
  repositories.push(made)
  return made
}

/** A sink in a process of its own, with its own cache unless one is named. */
const sink = async (
  repo: Repository,
  config: object = {},
  more: Omit<Parameters<typeof Process.start>[1], "directory"> = {}
) => {
  const process = await Process.start(
    { url: repo.dir, path: "clusters/{cluster}", ...config },
    { directory: repo.home, ...more }
  )
  running.push(process)
  return process
}

const fleet = Given.fleet("a", "b", "c")
const map = (name: string, value = "1", targets?: ReadonlyArray<string>) =>
  Given.configMap(fleet, name, { value }, targets === undefined ? {} : { in: targets })
let generation = 0
const state = (...artifacts: ReadonlyArray<ReturnType<typeof map>>) =>
  Given.desired(artifacts, { model: Given.model({ clusters: ["a", "b", "c"] }), generation: ++generation })
const file = (cluster: string, name: string) => `clusters/${cluster}/default/configmap-${name}.yaml`

describe("commits", () => {
  it("one for all clusters, none when nothing differs, a small one for a small change", async () => {
    const repo = repository()
    const one = await sink(repo)
    await one.deliver(state(map("x"), map("y")))
    expect(repo.commits()).toBe(1)
    expect([...repo.tree().keys()].filter((f) => f.includes("/default/"))).toEqual(
      ["a", "b", "c"].flatMap((c) => [file(c, "x"), file(c, "y")])
    )
    expect(repo.read("clusters/a/kustomization.yaml")).toContain("default/configmap-x.yaml")
    expect(await one.deliver(state(map("x"), map("y")))).toEqual([])
    expect(await (await sink(repo)).deliver(state(map("x"), map("y")))).toEqual([])
    expect(repo.commits()).toBe(1)
    await one.deliver(state(map("x", "2", ["b"]), map("x", "1", ["a", "c"]), map("y")))
    expect(repo.git("diff", "--name-only", "main~1", "main").split("\n")).toEqual([
      "clusters/.cw/manifest.json",
      file("b", "x")
    ])
    expect(repo.git("log", "-1", "--format=%s", "main")).toBe("test: 1 updated in b")
    expect(repo.git("fsck", "--strict")).toBe("")
  })

  it("the same for equal input, whatever the order and the machine", async () => {
    const tips = []
    for (const maps of [
      [map("x"), map("y")],
      [map("y"), map("x")]
    ]) {
      const repo = repository()
      const one = await sink(repo, { trailers: { "Signed-off-by": "cw <cw@example.com>" } })
      await one.deliver(state(...maps))
      tips.push(repo.tip())
      expect(repo.git("log", "-1", "--format=%(trailers:key=Signed-off-by,valueonly)")).toBe("cw <cw@example.com>")
    }
    expect(tips[0]).toBe(tips[1])
  })

  it("blob ids are Git's, also beyond ASCII, and bytes are ours whatever attributes say (G8)", async () => {
    const repo = repository()
    repo.commit({ ".gitattributes": "* text eol=crlf filter=lfs\n" })
    const text = "grüße\r\n🜚 \ud800\n"
    await (await sink(repo)).deliver(state(Given.file(fleet, "zones/x.txt", text)))
    const id = repo.tree().get("clusters/a/zones/x.txt")
    expect(id).toBe(blobId(text))
    expect(repo.read("clusters/a/zones/x.txt")).toBe(Buffer.from(text).toString())
  })

  it("signed with an SSH key, deterministic; a missing key stops before the push (G6)", async () => {
    const repo = repository()
    const key = path.join(repo.home, "key")
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key])
    const bad = await sink(repo, { sign: { key: `${key}-missing` } })
    await expect(bad.deliver(state(map("x")))).rejects.toThrow(/cannot be signed/)
    fs.writeFileSync(`${key}-wrong`, "no key\n", { mode: 0o600 })
    const wrong = await sink(repo, { sign: { key: `${key}-wrong` } })
    await expect(wrong.deliver(state(map("x")))).rejects.toThrow(/cannot be signed/)
    expect(repo.tip()).toBeUndefined()
    const good = await sink(repo, { sign: { key } })
    await good.deliver(state(map("x")))
    expect(repo.git("cat-file", "commit", "main")).toContain("BEGIN SSH SIGNATURE")
    fs.writeFileSync(path.join(repo.home, "allowed"), `* ${fs.readFileSync(`${key}.pub`, "utf8")}`)
    expect(() =>
      repo.git("-c", `gpg.ssh.allowedSignersFile=${repo.home}/allowed`, "verify-commit", "main")
    ).not.toThrow()
    expect(await good.deliver(state(map("x")))).toEqual([])
  })
})

describe("what others have there", () => {
  it("stays: foreign files are conflicts, edits are kept, the rest goes on; adopt and overwrite take over", async () => {
    const repo = repository()
    repo.commit({ [file("a", "x")]: "mine\n", "README.md": "hello\n" })
    const one = await sink(repo)
    await one.deliver(state(map("x"), map("y")))
    expect(repo.read(file("a", "x"))).toBe("mine\n")
    expect(repo.tree().has(file("b", "x"))).toBe(true)
    expect(repo.read("clusters/a/kustomization.yaml")).not.toContain("configmap-x")
    repo.commit({ [file("b", "y")]: "edited\n" })
    const plan = await one.plan(state(map("x"), map("y", "2")))
    expect(plan.items.filter((i) => i.op === "conflict").map((i) => `${i.target} ${i.id}`)).toEqual([
      "a default/configmap-x.yaml",
      "b default/configmap-y.yaml"
    ])
    expect(plan.diagnostics?.map((d) => d.code)).toEqual(["CW702", "CW703"])
    // What somebody edited is not deleted either.
    await one.deliver(state())
    expect(repo.read(file("b", "y"))).toBe("edited\n")
    expect(repo.read("README.md")).toBe("hello\n")
    await (await sink(repo, { adopt: true, overwrite: true })).deliver(state(map("x"), map("y", "2")))
    expect(repo.read(file("a", "x"))).toContain('value: "1"')
    expect(repo.read(file("b", "y"))).toContain('value: "2"')
  })

  it("a file where a folder is needed, other spellings and links are refused, not replaced", async () => {
    const repo = repository()
    repo.commit({ "clusters/a/default": "a file\n", "clusters/b/default/ConfigMap-X.yaml": "another spelling\n" })
    const plan = await (await sink(repo)).plan(state(map("x")))
    expect(plan.items.filter((i) => i.op === "conflict").map((i) => i.target)).toEqual(["a", "b"])
    const other = repository()
    other.commit({ clusters: "a file\n" })
    await expect((await sink(other)).plan(state(map("x")))).rejects.toThrow(/clusters in the repository is no folder/)
  })

  it("hostile names never leave the tree", async () => {
    const repo = repository()
    const evil = [
      "../evil",
      "a/../../b",
      ".git/hooks/post-checkout",
      ".GIT/config",
      "x/.cw/y",
      "a//b",
      "con",
      "/abs",
      "zones/A.txt",
      "zones/a.txt",
      "zones/\u00e9.txt",
      "zones/e\u0301.txt"
    ]
    const one = await sink(repo)
    await one.deliver(state(map("x"), ...evil.map((p) => Given.file(fleet, p, "boo\n"))))
    for (const name of repo.tree().keys())
      expect(name).toMatch(/^clusters\/(\.cw\/manifest\.json|[abc]\/(default\/configmap-x\.yaml|kustomization\.yaml))$/)
    const plan = await one.plan(state(map("x"), ...evil.map((p) => Given.file(fleet, p, "boo\n"))))
    expect(plan.items.every((i) => i.op === "conflict")).toBe(true)
  })

  it("an inventory of another pipeline, or one that cannot be read, stops everything", async () => {
    const repo = repository()
    await (await sink(repo)).deliver(state(map("x")))
    const other = await sink(repo, {}, { pipeline: "other" })
    await expect(other.plan(state(map("x")))).rejects.toThrow(/belong to pipeline test/)
    repo.commit({ "clusters/.cw/manifest.json": "{" })
    await expect((await sink(repo)).plan(state())).rejects.toThrow(/cannot be relied on/)
    expect(repo.tree().has(file("a", "x"))).toBe(true)
  })
})

describe("faults", () => {
  it("G1: fifty writers at once lose nothing", async () => {
    const repo = repository()
    const writers = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        // Five spellings of the address: sinks of one process on one address take turns, the others race.
        sink(
          repo,
          { url: `file://${repo.home}/${"./".repeat(i % 5)}fleet.git`, path: `team-${i}/{cluster}`, budget: "5m" },
          { pipeline: `p${i}` }
        )
      )
    )
    await Promise.all(writers.map((w, i) => w.deliver(state(map(`x${i}`)))))
    const tree = repo.tree()
    for (let i = 0; i < 50; i++) expect(tree.has(`team-${i}/a/default/configmap-x${i}.yaml`)).toBe(true)
    expect(repo.commits()).toBe(50)
    expect(
      repo
        .git("log", "--format=%P", "main")
        .split("\n")
        .every((p) => !p.includes(" "))
    ).toBe(true)
  }, 300_000)

  it("G1: a branch that moved between plan and push is built upon; a file that somebody took meanwhile is left alone", async () => {
    const repo = repository()
    const one = await sink(repo)
    await one.deliver(state(map("x")))
    const desired = state(map("x", "2"), map("y"))
    const plan = await one.plan(desired)
    repo.commit({ "NOTES.md": "n\n", [file("a", "y")]: "mine\n" })
    const report = await one.apply(plan, desired)
    expect(report.items.filter((i) => i.outcome !== "applied").map((i) => `${i.outcome} ${i.target} ${i.id}`)).toEqual([
      "failed a default/configmap-y.yaml"
    ])
    expect(repo.read(file("a", "y"))).toBe("mine\n")
    expect(repo.read("NOTES.md")).toBe("n\n")
    expect(repo.read(file("a", "x"))).toContain('value: "2"')
  })

  it("G2: a hook's refusal is told once, in its own words, and is not tried again", async () => {
    const repo = repository()
    repo.hook("pre-receive", `echo >> ${repo.home}/asked; echo "policy: only on Tuesdays"; exit 1`)
    const failure = await (await sink(repo)).deliver(state(map("x"))).catch((e) => e)
    expect(failure).toMatchObject({
      retryable: false,
      diagnostics: [{ code: "CW805", help: "it said: policy: only on Tuesdays" }]
    })
    expect(failure.diagnostics[0].message).toBe("the remote refused the push to main: pre-receive hook declined")
    expect(fs.readFileSync(`${repo.home}/asked`, "utf8")).toBe("\n")
    expect(repo.tip()).toBeUndefined()
    // As servers protect branches: for one branch, after the objects came in.
    repo.hook("pre-receive", undefined)
    repo.hook("update", `echo "GH006: Protected branch update failed for $1."; exit 1`)
    await expect((await sink(repo)).deliver(state(map("x")))).rejects.toMatchObject({
      retryable: false,
      diagnostics: [{ code: "CW805", help: expect.stringMatching(/^it said: GH006: Protected branch update failed/) }]
    })
  })

  it("a hook that never ends, and a repository that cannot be read to its end, are given up in time", async () => {
    const repo = repository()
    repo.hook("pre-receive", "exec sleep 60")
    const limits = { asking: 2000, working: 2000 }
    const one = await sink(repo, {}, { limits })
    await expect(one.deliver(state(map("x")))).rejects.toMatchObject({
      retryable: true,
      diagnostics: [
        { code: "CW712", message: "the Git remote cannot be used: git push timed out: it did not end within 2s" }
      ]
    })
    repo.hook("pre-receive", undefined)
    fs.mkdirSync(`${repo.dir}/refs/heads`, { recursive: true })
    execFileSync("mkfifo", [`${repo.dir}/refs/heads/main`])
    await expect(one.deliver(state(map("x")))).rejects.toMatchObject({
      retryable: true,
      diagnostics: [{ code: "CW712", message: expect.stringContaining("git ls-remote timed out") }]
    })
    fs.rmSync(`${repo.dir}/refs/heads/main`)
    await one.deliver(state(map("x")))
    expect(repo.commits()).toBe(1)
  })

  it("G3: cut after the branch moved, the remote is asked and no second commit made; cut before, the next run makes it", async () => {
    const repo = repository()
    repo.hook("post-receive", "kill -9 $PPID")
    const one = await sink(repo)
    await one.deliver(state(map("x")))
    expect(repo.commits()).toBe(1)
    repo.hook("post-receive", undefined)
    expect(await one.deliver(state(map("x")))).toEqual([])
    repo.hook("pre-receive", "kill -9 $PPID")
    await expect(one.deliver(state(map("x", "2")))).rejects.toMatchObject({ retryable: true })
    repo.hook("pre-receive", undefined)
    await one.deliver(state(map("x", "2")))
    expect(repo.commits()).toBe(2)
  })

  it("G4: empty repository, other branch, no filter at the server, a branch that was forced, deleted, or whose history is gone", async () => {
    const repo = repository({ filter: false })
    const one = await sink(repo, { branch: "deploy/main" })
    await one.deliver(state(map("x")))
    expect(repo.tree("deploy/main").size).toBe(7)
    const orphan = repo.git("commit-tree", repo.git("rev-parse", "deploy/main^{tree}"), "-m", "squashed")
    repo.git("update-ref", "refs/heads/deploy/main", orphan)
    expect(await one.deliver(state(map("x")))).toEqual([])
    await one.deliver(state(map("x", "2")))
    expect(repo.commits("deploy/main")).toBe(2)
    repo.git("update-ref", "-d", "refs/heads/deploy/main")
    await one.deliver(state(map("x", "2")))
    expect(repo.commits("deploy/main")).toBe(1)
  })

  it("G5: stale locks, a killed fast-import and a broken cache are thrown away", async () => {
    const repo = repository()
    const cache = path.join(repo.home, "cache")
    const lasting = { cache }
    await (await sink(repo, {}, lasting)).deliver(state(map("x")))
    const found = fs
      .readdirSync(cache, { recursive: true, encoding: "utf8" })
      .find((f) => f.endsWith("repository.git"))!
    const dir = path.join(cache, found)
    let value = 2
    const breaks: ReadonlyArray<readonly [string, () => void]> = [
      [
        "locks",
        () => {
          fs.mkdirSync(path.join(dir, "refs/cw"), { recursive: true })
          for (const f of ["shallow.lock", "refs/cw/base.lock", "refs/cw/next.lock", "packed-refs.lock", "HEAD.lock"])
            fs.writeFileSync(path.join(dir, f), "")
        }
      ],
      [
        "crash report and temporary pack",
        () => {
          fs.writeFileSync(path.join(dir, "fast_import_crash_123"), "x")
          fs.writeFileSync(path.join(dir, "objects/pack/tmp_pack_abc"), "x")
        }
      ],
      [
        "torn packs",
        () => {
          for (const f of fs.readdirSync(path.join(dir, "objects/pack"))) {
            fs.chmodSync(path.join(dir, "objects/pack", f), 0o600)
            fs.truncateSync(path.join(dir, "objects/pack", f), 20)
          }
        }
      ],
      ["no HEAD", () => fs.rmSync(path.join(dir, "HEAD"))],
      ["garbage for a ref", () => fs.writeFileSync(path.join(dir, "refs/cw/base"), "garbage")]
    ]
    for (const [what, damage] of breaks) {
      damage()
      repo.commit({ "NOTES.md": `${value}\n` })
      const commits = repo.commits()
      await (await sink(repo, {}, lasting)).deliver(state(map("x", String(value))))
      expect(repo.read(file("c", "x")), what).toContain(`value: "${value}"`)
      expect(repo.commits(), what).toBe(commits + 1)
      value++
    }
  }, 60_000)

  it("two processes share no cache: the second works elsewhere", async () => {
    const repo = repository()
    const cache = path.join(repo.home, "cache")
    const [one, two] = [
      await sink(repo, {}, { cache }),
      await sink(repo, { path: "b/{cluster}" }, { cache, pipeline: "two" })
    ]
    await Promise.all([one.deliver(state(map("x"))), two.deliver(state(map("y")))])
    expect(repo.commits()).toBe(2)
  })

  it.skipIf(!fs.existsSync("/proc/self"))(
    "where no cache can be, a temporary folder serves",
    async () => {
      const repo = repository()
      await (await sink(repo, {}, { cache: "/proc/cw/cache" })).deliver(state(map("x")))
      expect(repo.commits()).toBe(1)
    },
    20_000
  )
})

it("over ssh: asks nothing, trusts no new host, and takes the key and the hosts that are named", async () => {
  const repo = repository()
  const log = path.join(repo.home, "log")
  // Runs what would run on the other side; `id's` stands for names that need quotes.
  using _ = programs(repo.home, { ssh: `printf '%s\\n' "$@" >> ${log}; for last; do :; done; exec sh -c "$last"` })
  const ssh = { key: "id's", knownHosts: "known hosts" }
  await (await sink(repo, { url: `ssh://git@git.example.com:2222${repo.dir}`, ssh })).deliver(state(map("x")))
  expect(repo.commits()).toBe(1)
  const said = fs.readFileSync(log, "utf8").split("\n")
  for (const word of [
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "IdentitiesOnly=yes",
    "git@git.example.com",
    "2222"
  ])
    expect(said).toContain(word)
  expect(said).toContain(`${repo.home}/id's`)
  expect(said).toContain(`UserKnownHostsFile=${repo.home}/known hosts`)
  expect(said.some((word) => word.startsWith("git-receive-pack"))).toBe(true)
})

describe("what a process remembers", () => {
  const view = ({ diagnostics, items, owned, unchanged }: Plan) => ({
    items: items.map(({ before, digest, id, intended, op, target }) => ({ before, digest, id, intended, op, target })),
    unchanged,
    owned: [...owned!].sort(),
    findings: diagnostics!.map((d) => d.message).sort()
  })

  it("is what a process sees that remembers nothing: over any history, with a cache and without", async () => {
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(fc.nat(1000)), async (numbers) => {
        const repo = repository()
        const roll = (n: number) => numbers.next().value % n
        const cache = { cache: path.join(repo.home, "cache") }
        const warm = await sink(repo)
        const values = new Map<string, string>()
        for (let step = 0; step < 12; step++) {
          if (roll(3) > 0) {
            const name = `m${roll(4)}`
            if (roll(4) === 0) values.delete(name)
            else values.set(name, `${roll(3)}${["", "@a,b", "@b"][roll(3)]}`)
          }
          const now = [...values].map(([name, value]) => {
            const [text, targets] = value.split("@")
            return map(name, text, targets?.split(","))
          })
          if (roll(2) === 0) {
            const at = [
              file("a", `m${roll(4)}`),
              file("b", `m${roll(4)}`),
              `clusters/${["a", "c"][roll(2)]}/kustomization.yaml`,
              `clusters/${["a", "x"][roll(2)]}/NOTES`,
              "README"
            ][roll(5)]!
            repo.commit({ [at]: roll(4) === 0 ? undefined : `somebody ${step}\n` })
          }
          const desired = Given.desired(now, {
            model: Given.model({ clusters: ["a", "b", "c"] }),
            generation: ++generation,
            history: (since) => ({
              all: since !== generation - 1,
              groups: new Set(["m0", "m1", "m2", "m3", ""])
            })
          })
          const fresh = await (await sink(repo)).plan(desired)
          const remembering = await (await sink(repo, {}, cache)).plan(desired)
          const plan = await warm.plan(desired)
          expect(view(remembering)).toEqual(view(fresh))
          expect(view(plan)).toEqual(view(fresh))
          if (roll(3) > 0) await warm.apply(plan, desired)
          for (const one of running.splice(1)) await one.end()
        }
        for (const one of running.splice(0)) await one.end()
      }),
      { numRuns: 2, endOnFailure: true }
    )
  }, 120_000)

  it("spares a new process the listing of a tree that it knows; what is torn or of another commit counts for nothing", async () => {
    const repo = repository()
    const log = path.join(repo.home, "log")
    using _ = programs(repo.home, { git: `echo "$@" >> ${log}; exec $real "$@"` })
    const cache = path.join(repo.home, "cache")
    const listings = async (expected: ReadonlyArray<string>) => {
      fs.writeFileSync(log, "")
      const plan = await (await sink(repo, {}, { cache })).plan(state(map("x")))
      expect(plan.items.map((i) => `${i.op} ${i.target} ${i.id}`)).toEqual(expected)
      return fs
        .readFileSync(log, "utf8")
        .split("\n")
        .filter((l) => / ls-tree -r | diff-tree /.test(l)).length
    }
    await (await sink(repo, {}, { cache })).deliver(state(map("x")))
    expect(await listings([])).toBe(0)
    const found = fs.readdirSync(cache, { recursive: true, encoding: "utf8" }).find((f) => f.includes("cw-known-"))!
    const hint = path.join(cache, found)
    const good = fs.readFileSync(hint, "utf8")
    for (const bad of ["", "{", good.slice(0, -20), good.replace(/[0-9a-f]{40}/, "0".repeat(40))]) {
      fs.writeFileSync(hint, bad)
      expect(await listings([])).toBe(1)
      expect(fs.readFileSync(hint, "utf8")).toBe(good)
    }
    repo.commit({ [file("a", "x")]: "edited\n" })
    expect(await listings(["conflict a default/configmap-x.yaml"])).toBe(1)
    expect(await listings(["conflict a default/configmap-x.yaml"])).toBe(0)
    // Of an older commit: only the difference is asked for.
    fs.writeFileSync(hint, good)
    expect(await listings(["conflict a default/configmap-x.yaml"])).toBe(1)
  }, 60_000)
})

describe("doors", () => {
  it.each([
    ["https://github.com/acme/fleet.git", undefined],
    ["git@github.com:acme/fleet.git", undefined],
    ["ssh://git@host:2222/x.git", undefined],
    ["file:///srv/fleet.git", undefined],
    ["../fleet.git", undefined],
    ["https://me:secret@github.com/x", /no user name/],
    ["https://token@github.com/x", /no user name/],
    ["ssh://git:pw@host/x", /no user name/],
    ["-oProxyCommand=x", /dash/],
    ["ssh://-oProxyCommand=x/y", /host/],
    ["ext::sh -c id", /spaces|helpers/],
    ["ext::sh", /helpers/],
    ["https://github.com/x?a=b", /query/],
    ["gopher://x/y", /not allowed/],
    ["https://a b/c", /spaces/]
  ])("url %s", (url, problem) => {
    if (problem === undefined) expect(urlProblem(url)).toBeUndefined()
    else expect(urlProblem(url)).toMatch(problem)
  })

  it("branches and repositories", () => {
    for (const good of ["main", "cw/shop", "release-1.2"]) expect(branchProblem(good)).toBeUndefined()
    for (const bad of ["-x", "a..b", "a b", "x.lock", "a/.b", "@", "a~1", "x/", "HEAD", "a:b"])
      expect(branchProblem(bad)).toBeDefined()
    const of = (url: string) => remoteOf(url, (p) => `/home/${p}`)
    expect(of("https://github.com/acme/fleet.git")).toMatchObject({
      origin: "https://github.com/",
      repository: "acme/fleet"
    })
    expect(of("git@github.com:acme/fleet.git")).toMatchObject({
      transport: "ssh",
      host: "github.com",
      repository: "acme/fleet"
    })
    expect(of("x/fleet.git").url).toBe("file:///home/x/fleet.git")
  })

  it("what git says is told apart", () => {
    expect(kindOf("fatal: Authentication failed for 'https://x/'")).toBe("auth")
    expect(kindOf("remote: Repository not found.\nfatal: repository 'https://x/' not found")).toBe("absent")
    expect(kindOf("fatal: unable to access 'https://x/': Could not resolve host: x")).toBe("network")
    expect(kindOf("fatal: bad object refs/cw/base")).toBe("local")
    expect(said("warning: x\nfatal: early EOF\n")).toBe("early EOF")
  })
})

describe("manifest", () => {
  const word = fc.string({ maxLength: 3 })
  const more = fc.record({ service: word, artifact: word }, { requiredKeys: [] })
  const path = fc.stringMatching(/^[a-z]{1,3}(\/[a-z.]{0,2}[a-z]){0,2}$/)
  const file = fc.record({ folder: fc.constantFrom("a", "b", "c", "d"), path, digest: word, more })
  const files = fc.uniqueArray(file, { selector: (f) => `${f.folder}/${f.path}`, maxLength: 30 })
  const ledgerOf = (all: Iterable<typeof file extends fc.Arbitrary<infer F> ? F : never>, folders: Folders) => {
    const ledger = new Ledger()
    for (const { digest, folder, more, path: id } of all)
      ledger.set(id, put(ledger.at(id), folders.bit(folder), { id, digest, ...more }))
    return ledger
  }
  const flat = (ledger: Ledger, folders: Folders) =>
    ledger.paths.flatMap((p) =>
      ledger.at(p).flatMap((l) => [...folders.list(l.in)].map((f) => [`${f}/${p}`, l.entry] as const))
    )
  const sorted = (all: ReadonlyArray<readonly [string, object]>) => [...all].sort(([a], [b]) => (a < b ? -1 : 1))

  it("reads as it was written, and is the same text for the same files in any order", () => {
    fc.assert(
      fc.property(files, (all) => {
        const folders = new Folders()
        const ledger = ledgerOf(all, folders)
        const printed = Manifest.print("shop", ledger, folders)
        const others = new Folders()
        const read = Manifest.parse(printed, others)
        if ("problem" in read) throw new Error(read.problem)
        expect(read.owner).toBe("shop")
        expect(sorted(flat(read.ledger, others))).toEqual(sorted(flat(ledger, folders)))
        const turned = new Folders()
        expect(Manifest.print("shop", ledgerOf([...all].reverse(), turned), turned)).toBe(printed)
        expect([...ledger.counts].reduce((sum, [set, n]) => sum + n * folders.size(set), 0)).toBe(all.length)
      })
    )
  })

  it("changes on top of a ledger print as the ledger with them", () => {
    fc.assert(
      fc.property(files, files, (before, after) => {
        const folders = new Folders()
        const draft = new Draft(new Base(folders, ledgerOf(before, folders), "x", "y"))
        const gone = new Set(before.slice(0, 3).map((f) => `${f.folder}/${f.path}`))
        for (const f of before.slice(0, 3)) draft.put(f.path, folders.bit(f.folder), undefined)
        for (const f of after) draft.put(f.path, folders.bit(f.folder), { id: f.path, digest: f.digest, ...f.more })
        const printed = Manifest.print("shop", draft.base.ledger, folders, draft.lists)
        const both = new Map(
          [...before.filter((f) => !gone.has(`${f.folder}/${f.path}`)), ...after].map((f) => [
            `${f.folder}/${f.path}`,
            f
          ])
        )
        const fresh = new Folders()
        expect(printed).toBe(Manifest.print("shop", ledgerOf(both.values(), fresh), fresh))
        draft.base.become(draft, "z", undefined)
        expect(Manifest.print("shop", draft.base.ledger, folders)).toBe(printed)
      })
    )
  })

  it("reads the core's own form as well", () => {
    const entries = new Map([
      ["a/x/y.yaml", { id: "a/x/y.yaml", digest: "1", service: "s" }],
      ["b/x/y.yaml", { id: "b/x/y.yaml", digest: "2" }]
    ])
    const folders = new Folders()
    const read = Manifest.parse(Inventory.toText({ owner: "shop", entries }), folders)
    if ("problem" in read) throw new Error(read.problem)
    expect(flat(read.ledger, folders)).toEqual([
      ["a/x/y.yaml", { id: "x/y.yaml", digest: "1", service: "s" }],
      ["b/x/y.yaml", { id: "x/y.yaml", digest: "2" }]
    ])
  })

  const v2 = (folders: string, ...lines: ReadonlyArray<string>) =>
    `{"version":2,"pipeline":"x","folders":${folders},"entries":[${lines.join(",")}]}`
  it.each([
    "",
    "{",
    '{"version":3}',
    '{"version":2}',
    '{"version":1,"pipeline":"x","entries":{"../x":{"digest":"1"}}}',
    '{"version":1,"pipeline":"x","entries":{"x":{"digest":"1"}}}',
    '{"version":1,"pipeline":"x","entries":{"a/b":{"digest":1}}}',
    v2('["a"]', '{"path":"../x","files":{"a":"1"}}'),
    v2('[".git"]', '{"path":"x","files":{".git":"1"}}'),
    v2('["a","a"]'),
    v2('["a/b"]'),
    v2('["a"]', '{"path":"x","files":{"b":"1"}}'),
    v2('["a"]', '{"path":"x","files":{"* -a":"1"}}'),
    v2('["a"]', '{"path":"x","files":{"":"1"}}'),
    v2('["a"]', '{"path":"x","files":{"a":1}}'),
    v2('["a"]', '{"path":"x","files":{"a":"1","*":"2"}}'),
    v2('["a"]', '{"path":"x","files":{"a":"1"}}', '{"path":"x","files":{"a":"1"}}'),
    v2('["a"]', '{"path":"x","files":{"a":"1"},"extra":true}'),
    v2('["a"]', "null")
  ])("refuses %j", (text) => {
    expect(Manifest.parse(text, new Folders())).toHaveProperty("problem")
  })
})
