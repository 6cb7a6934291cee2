// Stands in for a server of yours: keeps what is put, and tells on standard output. Runs each command line it is given.
import { spawn } from "node:child_process"
import { createServer } from "node:http"

const kept = new Map()
const server = createServer(async (request, response) => {
  let body = ""
  for await (const chunk of request) body += chunk
  if (request.headers.authorization !== "Bearer s3cret") return response.writeHead(403).end()
  if (request.method === "PUT") {
    kept.set(request.url, request.headers.etag)
    console.log(`PUT ${request.url}: ${body.split("\n---\n").length} objects`)
  }
  const etag = kept.get(request.url)
  response.writeHead(etag === undefined ? 404 : 200, etag === undefined ? {} : { etag }).end()
})

server.listen(0, "127.0.0.1", async () => {
  const env = { ...process.env, HOOK_URL: `http://127.0.0.1:${server.address().port}` }
  for (const line of process.argv.slice(2)) {
    console.log(`$ ${line}`)
    const code = await new Promise((resolve) =>
      spawn(line, { shell: true, env, stdio: "inherit" }).once("exit", resolve)
    )
    if (code !== 0) process.exitCode = code
  }
  server.close()
})
