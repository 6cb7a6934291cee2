// Stands in for Consul: answers from catalog.json, where a datacenter may be `"down"`. Runs each command line it is given.
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { createServer } from "node:http"

const catalog = JSON.parse(readFileSync("catalog.json", "utf8"))
const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, "http://localhost")
  const dc = searchParams.get("dc")
  const [, what, name] = /^\/v1\/catalog\/(\w+)(?:\/(.+))?$/.exec(pathname) ?? []
  if (what === "datacenters") return response.end(JSON.stringify(Object.keys(catalog)))
  if (process.env.DOWN === dc) return response.writeHead(503).end()
  const services = catalog[dc]
  if (what === "services") {
    const tags = Object.entries(services).map(([service, { tags }]) => [service, tags])
    return response.end(JSON.stringify(Object.fromEntries(tags)))
  }
  response.end(JSON.stringify(services[name]?.instances ?? []))
})

server.listen(0, "127.0.0.1", async () => {
  const env = { ...process.env, CONSUL_URL: `http://127.0.0.1:${server.address().port}` }
  for (const line of process.argv.slice(2)) {
    const code = await new Promise((resolve) =>
      spawn(line, { shell: true, env, stdio: "inherit" }).once("exit", resolve)
    )
    if (code !== 0) process.exitCode = code
  }
  server.close()
})
