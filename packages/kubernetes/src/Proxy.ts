/** Which proxy leads to a server: the kubeconfig's, else the one of the environment, as Go programs read it. */

type Environment = Readonly<Record<string, string | undefined>>

const either = (env: Environment, name: string): string | undefined => env[name] || env[name.toLowerCase()] || undefined

/** Entries of NO_PROXY: `*`, a host, a domain with or without a leading dot, each with an optional port; IP prefixes. */
const bypassed = (url: URL, list: string): boolean => {
  const host = url.hostname.replace(/^\[|\]$/g, "").toLowerCase()
  const port = url.port || (url.protocol === "https:" ? "443" : "80")
  return list.split(",").some((entry) => {
    const text = entry.trim().toLowerCase()
    if (text === "*") return true
    const [name, wanted] = /^(.*?)(?::(\d+))?$/.exec(text)!.slice(1) as [string, string | undefined]
    if (name === "" || (wanted !== undefined && wanted !== port)) return false
    if (name.includes("/")) return inPrefix(host, name)
    const bare = name.replace(/^\*?\./, "")
    return host === bare || host.endsWith(`.${bare}`)
  })
}

const number = (ip: string): number | undefined => {
  const parts = ip.split(".")
  if (parts.length !== 4 || !parts.every((p) => /^\d{1,3}$/.test(p) && Number(p) < 256)) return undefined
  return parts.reduce((n, p) => n * 256 + Number(p), 0)
}

const inPrefix = (host: string, prefix: string): boolean => {
  const [base, bits] = prefix.split("/")
  const [a, b] = [number(host), number(base!)]
  if (a === undefined || b === undefined || !/^\d{1,2}$/.test(bits ?? "")) return false
  const size = 2 ** (32 - Number(bits))
  return Math.floor(a / size) === Math.floor(b / size)
}

const loopback = /^(localhost|127\.|\[::1\]|.*\.localhost$)/

export const proxyFor = (url: URL, configured: string | undefined, env: Environment): string | undefined => {
  if (configured !== undefined) return configured
  const found = either(env, url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY")
  if (found === undefined || loopback.test(url.hostname) || bypassed(url, either(env, "NO_PROXY") ?? ""))
    return undefined
  return found.includes("://") ? found : `http://${found}`
}
