/** A server on loopback: Git's own http-backend behind a small CGI with a password, and GitHub's pull requests. */
import { spawn } from "node:child_process"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import type { Repository } from "./Repository.ts"

export interface PullRequest {
  readonly number: number
  title: string
  body: string
  readonly head: string
  readonly base: string
  state: "open" | "closed"
}

export type Answer = { readonly status: number; readonly headers?: Record<string, string>; readonly body?: unknown }

export class GitServer implements AsyncDisposable {
  readonly token = "s3cret/token+value"
  readonly requests: Array<string> = []
  readonly pulls: Array<PullRequest> = []
  /** Taken by the next call of the API, one each. */
  readonly answers: Array<Answer> = []
  /** Destroys the connection of a push: before git sees it, or after it is done. */
  cut: "before" | "after" | undefined
  private readonly repository: Repository
  private readonly server: Server

  constructor(repository: Repository) {
    this.repository = repository
    this.server = createServer((request, response) => {
      if (request.url!.startsWith("/api/")) void this.api(request, response)
      else this.git(request, response)
    })
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve))
    return this
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  get url(): string {
    return `${this.origin}/acme/fleet.git`
  }

  private git(request: IncomingMessage, response: ServerResponse): void {
    this.requests.push(`${request.method} ${request.url}`)
    const basic = `Basic ${Buffer.from(`x-access-token:${this.token}`).toString("base64")}`
    if (request.headers.authorization !== basic) {
      response.writeHead(401, { "www-authenticate": 'Basic realm="git"' }).end()
      return
    }
    const push = request.url!.endsWith("/git-receive-pack") && request.method === "POST"
    if (push && this.cut === "before") {
      request.socket.destroy()
      return
    }
    const url = new URL(request.url!, "http://x")
    const child = spawn("git", ["http-backend"], {
      env: {
        PATH: process.env["PATH"],
        GIT_PROJECT_ROOT: this.repository.home,
        GIT_HTTP_EXPORT_ALL: "1",
        REMOTE_USER: "cw",
        REQUEST_METHOD: request.method!,
        PATH_INFO: url.pathname.replace("/acme", ""),
        QUERY_STRING: url.search.slice(1),
        CONTENT_TYPE: request.headers["content-type"] ?? "",
        ...(request.headers["content-encoding"] === undefined
          ? {}
          : { HTTP_CONTENT_ENCODING: request.headers["content-encoding"] }),
        ...(request.headers["content-length"] === undefined
          ? {}
          : { CONTENT_LENGTH: request.headers["content-length"] }),
        ...(request.headers["git-protocol"] === undefined
          ? {}
          : { GIT_PROTOCOL: String(request.headers["git-protocol"]) })
      },
      stdio: ["pipe", "pipe", "inherit"]
    })
    child.stdin.on("error", () => {})
    request.pipe(child.stdin)
    const chunks: Array<Buffer> = []
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk))
    child.on("close", () => {
      if (push && this.cut === "after") {
        request.socket.destroy()
        return
      }
      const all = Buffer.concat(chunks)
      const end = all.indexOf("\r\n\r\n")
      let status = 200
      for (const line of all.subarray(0, end).toString().split("\r\n")) {
        const [name, value] = line.split(/: (.*)/) as [string, string]
        if (name === "Status") status = Number(value.slice(0, 3))
        else response.setHeader(name, value)
      }
      response.writeHead(status).end(all.subarray(end + 4))
    })
  }

  private async api(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests.push(`${request.method} ${request.url!.split("?")[0]}`)
    const chunks: Array<Buffer> = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = chunks.length === 0 ? {} : (JSON.parse(Buffer.concat(chunks).toString()) as Record<string, string>)
    const answer = this.answers.shift() ?? this.answer(request, body)
    response.writeHead(answer.status, { "content-type": "application/json", ...answer.headers })
    response.end(JSON.stringify(answer.body ?? {}))
  }

  /** As docs.github.com describes it. */
  private answer(request: IncomingMessage, body: Record<string, string>): Answer {
    const url = new URL(request.url!, "http://x")
    if (request.headers.authorization !== `Bearer ${this.token}`)
      return { status: 401, body: { message: "Bad credentials" } }
    if (url.pathname === "/api/repos/acme/fleet/pulls" && request.method === "GET") {
      const head = url.searchParams.get("head")
      return {
        status: 200,
        body: this.pulls.filter((p) => p.state === url.searchParams.get("state") && `acme:${p.head}` === head)
      }
    }
    if (url.pathname === "/api/repos/acme/fleet/pulls" && request.method === "POST") {
      if (this.repository.tip(body["head"]!) === undefined)
        return { status: 422, body: { message: "Validation Failed", errors: [{ message: "head is missing" }] } }
      if (this.pulls.some((p) => p.state === "open" && p.head === body["head"]))
        return {
          status: 422,
          body: { message: "Validation Failed", errors: [{ message: "A pull request already exists" }] }
        }
      const made = {
        number: this.pulls.length + 1,
        title: body["title"]!,
        body: body["body"]!,
        head: body["head"]!,
        base: body["base"]!,
        state: "open" as const
      }
      this.pulls.push(made)
      return { status: 201, body: made }
    }
    const number = /^\/api\/repos\/acme\/fleet\/pulls\/(\d+)$/.exec(url.pathname)
    if (number !== null && request.method === "PATCH") {
      const found = this.pulls[Number(number[1]) - 1]!
      Object.assign(found, body)
      return { status: 200, body: found }
    }
    return { status: 404, body: { message: "Not Found" } }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections()
    await new Promise((resolve) => this.server.close(resolve))
  }
}
