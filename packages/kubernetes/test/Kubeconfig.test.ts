// Bad kubeconfigs: the cause in one line, the fix, the place; never a token.
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { toText } from "@coddiwomple/core/Diagnostic"
import { readSmallFile } from "../src/SmallFile.ts"
import * as Kubeconfig from "../src/Kubeconfig.ts"
import { folder } from "./Files.ts"
import { authority } from "./Pki.ts"

const files = folder()
const ca = authority()
const base64 = (text: string) => Buffer.from(text).toString("base64")

const user = (yaml: string) => `apiVersion: v1
kind: Config
clusters:
  - name: east
    cluster: { server: "https://east.example:6443", certificate-authority-data: ${base64(ca.cert)} }
users:
  - name: someone
    user:
${yaml.replace(/^/gm, "      ")}
contexts:
  - name: east-admin
    context: { cluster: east, user: someone }
current-context: east-admin
`

const read = (file: string, context?: string, env: Record<string, string> = {}) =>
  Effect.runPromise(Kubeconfig.read({ kubeconfigPath: file, ...(context === undefined ? {} : { context }) }, { env }))

const refusal = async (file: string, context?: string): Promise<string> => {
  const exit = await Effect.runPromise(
    Effect.result(Kubeconfig.read({ kubeconfigPath: file, ...(context === undefined ? {} : { context }) }, { env: {} }))
  )
  if (exit._tag === "Success") throw new Error("it was accepted")
  return (exit.failure.diagnostics ?? []).map((d) => toText(d)).join("\n")
}

describe("kubeconfig", () => {
  it("is one frozen context with all that belongs to it", async () => {
    const leaf = ca.issue({ cn: "someone" })
    const file = files.write(
      "good",
      user(`client-certificate-data: ${base64(leaf.cert)}
client-key-data: ${base64(leaf.key)}
as: boss
as-groups: [ops, dev]
as-uid: "17"
as-user-extra: { Scopes/x: [view, edit] }`).replace(
        "server:",
        'tls-server-name: kubernetes, proxy-url: "http://u:p@proxy:3128", server:'
      )
    )
    const context = await read(file)
    expect(Object.isFrozen(context)).toBe(true)
    expect(context).toMatchObject({
      name: "east-admin",
      server: "https://east.example:6443",
      serverName: "kubernetes",
      proxy: "http://u:p@proxy:3128",
      insecure: false,
      auth: { _tag: "none" },
      impersonate: {
        "impersonate-user": "boss",
        "impersonate-group": ["ops", "dev"],
        "impersonate-uid": "17",
        "impersonate-extra-scopes%2Fx": ["view", "edit"]
      }
    })
    expect(context.cert?.toString()).toBe(leaf.cert)
  })

  it("knows the other ways to authenticate", async () => {
    expect((await read(files.write("token", user("token: abc")))).auth).toEqual({ _tag: "token", token: "abc" })
    expect((await read(files.write("file", user("token: abc\ntokenFile: tok")))).auth).toEqual({
      _tag: "tokenFile",
      path: `${files.path}/tok`
    })
    expect((await read(files.write("basic", user("username: a\npassword: b")))).auth).toEqual({
      _tag: "basic",
      username: "a",
      password: "b"
    })
    const exec = user(
      "exec: { apiVersion: client.authentication.k8s.io/v1, command: ./get-token, interactiveMode: Never }"
    )
    expect((await read(files.write("exec", exec))).auth).toMatchObject({ _tag: "exec", directory: files.path })
    expect(
      (await read(files.write("oidc", user("auth-provider: { name: oidc, config: { id-token: x } }")))).auth._tag
    ).toBe("oidc")
  })

  it("takes the proxy of the environment unless NO_PROXY or loopback", async () => {
    const file = files.write("env", user("token: abc"))
    expect((await read(file, undefined, { HTTPS_PROXY: "proxy:3128" })).proxy).toBe("http://proxy:3128")
    expect(
      (await read(file, undefined, { https_proxy: "http://proxy", no_proxy: "a,.example:6443" })).proxy
    ).toBeUndefined()
    const near = files.write("near", user("token: abc").replace("east.example", "127.0.0.1"))
    expect((await read(near, undefined, { HTTPS_PROXY: "proxy:3128" })).proxy).toBeUndefined()
  })

  it("merges the files of KUBECONFIG: the first that names something wins", async () => {
    const one = files.write("one", user("token: first"))
    const two = files.write(
      "two",
      user("token: second")
        .replace(/east-admin/g, "other")
        .replace("east.example", "elsewhere.example")
    )
    const env = { KUBECONFIG: `${one}:${files.path}/missing:${two}` }
    const context = await Effect.runPromise(Kubeconfig.read({ context: "other" }, { env }))
    expect(context).toMatchObject({ name: "other", server: "https://east.example:6443", auth: { token: "first" } })
  })

  it("is the service account in a pod", async () => {
    const { mkdirSync, writeFileSync } = await import("node:fs")
    const dir = `${files.path}/var/run/secrets/kubernetes.io/serviceaccount`
    mkdirSync(dir, { recursive: true })
    writeFileSync(`${dir}/token`, "tok")
    writeFileSync(`${dir}/ca.crt`, ca.cert)
    const env = { HOME: files.path, KUBERNETES_SERVICE_HOST: "10.0.0.1", KUBERNETES_SERVICE_PORT: "443" }
    const context = await Effect.runPromise(Kubeconfig.read({}, { env, root: files.path }))
    expect(context).toMatchObject({ server: "https://10.0.0.1", auth: { _tag: "tokenFile", path: `${dir}/token` } })
    expect(context.ca?.toString()).toBe(ca.cert)
  })

  it("says why a file cannot be read", async () => {
    expect(await refusal(`${files.path}/nothing`)).toContain("it does not exist")
    expect(await refusal(files.path)).toContain("it is a directory")
    expect(await refusal(files.write("binary", "\u0000\ufffd\u0001"))).toMatch(/CW42[01]/)
    expect(await refusal(files.write("list", "- a\n- b\n"))).toContain("is not a kubeconfig")
  })

  it("names the place of a YAML error and shows nothing of the line", async () => {
    const text = await refusal(files.write("yaml", user("token: SECRET-TOKEN-1\n  bad: [SECRET-TOKEN-2")))
    expect(text).toMatch(/error\[CW421\].*\n.*yaml:\d+:\d+/)
    expect(text).not.toContain("SECRET")
  })

  it("suggests the context that was meant", async () => {
    const text = await refusal(files.write("context", user("token: a")), "east-admn")
    expect(text).toContain('has no context "east-admn"')
    expect(text).toContain('did you mean "east-admin"?')
  })

  it("says which entry is missing or incomplete", async () => {
    const file = files.write("entry", user("token: a").replace("cluster: east,", "cluster: west,"))
    expect(await refusal(file)).toMatch(/names cluster "west".*\n.*entry:\d+:\d+[\s\S]*did you mean "east"/)
    expect(await refusal(files.write("server", user("token: a").replace("https:", "ftp:")))).toContain(
      "is no http or https URL"
    )
    expect(await refusal(files.write("gcp", user("auth-provider: { name: gcp }")))).toContain(
      "auth-provider gcp is no longer supported"
    )
    expect(await refusal(files.write("ca", user("token: a").replace(base64(ca.cert), base64("hello"))))).toContain(
      "certificate-authority is no PEM"
    )
    expect(await refusal(files.write("gone", user("client-certificate: none.crt\nclient-key: none.key")))).toMatch(
      /none\.crt cannot be read \(ENOENT\)[\s\S]*none\.key/
    )
  })

  it("refuses certificates that cannot work before the server does", async () => {
    const pair = (cert: string, key: string) =>
      user(`client-certificate-data: ${base64(cert)}\nclient-key-data: ${base64(key)}`)
    const [past, other] = [ca.issue({ cn: "a", until: new Date("2024-05-06") }), ca.issue({ cn: "b" })]
    expect(await refusal(files.write("expired", pair(past.cert, past.key)))).toContain(
      "the client certificate expired on 2024-05-06"
    )
    expect(await refusal(files.write("pair", pair(other.cert, ca.issue({ cn: "c" }).key)))).toContain(
      "does not belong to"
    )
    expect(await refusal(files.write("alone", user(`client-certificate-data: ${base64(other.cert)}`)))).toContain(
      "has a client-certificate but no client-key"
    )
  })
})

describe.skipIf(process.platform === "win32")("a pipe where a file should be", () => {
  const fifo = (name: string): string => {
    const path = `${files.path}/${name}`
    execFileSync("mkfifo", [path])
    return path
  }

  it("is read, as a shell makes it of <(…)", async () => {
    const pipe = fifo("pipe")
    const writer = spawn("sh", ["-c", 'sleep 0.2; cat "$0" > "$1"', files.write("piped", user("token: a")), pipe])
    const ended = once(writer, "exit")
    const context = await Effect.runPromise(Kubeconfig.read({ kubeconfigPath: pipe }))
    expect(context.auth).toEqual({ _tag: "token", token: "a" })
    await ended
  })

  it("into which nobody writes is given up, and holds no thread meanwhile", async () => {
    const pipes = Array.from({ length: 8 }, (_, i) => fifo(`idle${i}`))
    const reading = Promise.allSettled(pipes.map((path) => readSmallFile(path, undefined, 300)))
    expect((await readSmallFile(files.write("beside", "x"))).toString()).toBe("x")
    expect(new Set((await reading).map((r) => r.status === "rejected" && String(r.reason)))).toEqual(
      new Set(["Error: nothing came within 0.3 s"])
    )
  })
})
