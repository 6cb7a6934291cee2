/**
 * Where a repository is: the checked door from configuration to what git is told. Nothing that git could take for an
 * option or a command passes, and no secret stands in a URL.
 */

/** Why a URL is refused, or undefined. */
export const urlProblem = (url: string): string | undefined => {
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u0020\u007f]/.test(url)) return "no spaces and control characters"
  if (url.startsWith("-")) return "it begins with a dash"
  if (/^[A-Za-z0-9+.-]+::/.test(url)) return "remote helpers are not allowed"
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(url)?.[1]?.toLowerCase()
  if (scheme === undefined) return undefined
  if (!["https", "http", "ssh", "file"].includes(scheme)) return `${scheme}:// is not allowed: use https, ssh or file`
  if (scheme === "file") return undefined
  const authority = url.slice(scheme.length + 3).split(/[/?#]/)[0]!
  const user = authority.includes("@") ? authority.slice(0, authority.lastIndexOf("@")) : undefined
  if (user !== undefined && (scheme !== "ssh" || user.includes(":")))
    return "no user name and no password in the URL: use `username` and `token`"
  if (/[?#]/.test(url)) return "no query and no fragment"
  return authority === "" || authority.startsWith("-") || authority.includes("@-") ? "it has no host" : undefined
}

/** What of it a pattern can say. */
export const urlPattern =
  "^(?!-)(?![A-Za-z0-9+.-]+::)(?!https?://[^/]*@)(?!ssh://[^/]*:[^/]*@)((https?|ssh|file)://|(?![A-Za-z][A-Za-z0-9+.-]*://))\\S+$"
export const branchPattern = "^(?![-/])(?!.*(\\.\\.|@\\{|//|/\\.|\\.lock(/|$)))[^\\s~^:?*\\[\\\\]*[^\\s~^:?*\\[\\\\./]$"

/** As `git check-ref-format --branch`, without asking git. */
export const branchProblem = (name: string): string | undefined => {
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|\/\/|\/$|^\/|\.$|^-/.test(name) || name === "@" || name === "HEAD")
    return "it is no name of a branch"
  return name.split("/").some((part) => part.startsWith(".") || part.endsWith(".lock"))
    ? "it is no name of a branch"
    : undefined
}

export type Transport = "http" | "ssh" | "file"

export interface Remote {
  /** As git gets it; free of secrets. */
  readonly url: string
  readonly transport: Transport
  /** `https://github.com/`: the only place that may see the token. */
  readonly origin: string | undefined
  readonly host: string | undefined
  /** `acme/fleet`, where the URL has two segments at its end. */
  readonly repository: string | undefined
}

/** `resolve` makes local paths absolute. */
export const remoteOf = (url: string, resolve: (path: string) => string): Remote => {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(url)?.[1]?.toLowerCase()
  const repository = /([\w.-]+\/[\w.-]+?)(\.git)?\/*$/.exec(url)?.[1]
  if (scheme === "http" || scheme === "https") {
    const { host, origin } = new URL(url)
    return { url, transport: "http", origin: `${origin}/`, host, repository }
  }
  if (scheme === "ssh") return { url, transport: "ssh", origin: undefined, host: new URL(url).hostname, repository }
  if (scheme === "file") return { url, transport: "file", origin: undefined, host: undefined, repository }
  // As git decides: a colon before the first slash is a host.
  const scp = /^([^/:]+):(.*)$/.exec(url)
  if (scp !== null && !/^[A-Za-z]$/.test(scp[1]!)) {
    return { url, transport: "ssh", origin: undefined, host: scp[1]!.replace(/^.*@/, ""), repository }
  }
  return { url: `file://${resolve(url)}`, transport: "file", origin: undefined, host: undefined, repository }
}

/** One text for the ways to spell one repository. `local` brings local paths into one form. */
export const identityOf = (url: string, local: (path: string) => string): string => {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(url)?.[1]?.toLowerCase()
  const bare = (path: string) => path.replace(/\/+$/, "").replace(/(\/|(?<=[^/]))\.git$/, "")
  if (scheme === "file") return bare(local(decoded(url.slice("file://".length).replace(/^localhost(?=\/)/i, ""))))
  const scp = scheme === undefined ? /^(?:([^/:@]*)@)?([^/:]+):(.*)$/.exec(url) : null
  if (scp !== null && !/^[A-Za-z]:/.test(url)) return remote(scp[2]!, scp[1], bare(scp[3]!))
  if (scheme === undefined) return bare(local(url))
  const { host, pathname, port, username } = new URL(url)
  return remote(port === "22" && scheme === "ssh" ? host.replace(/:22$/, "") : host, username, bare(pathname))
}

/** `git` is who everybody is at a forge; the home of anybody else is another place. */
const remote = (host: string, user: string | undefined, path: string): string =>
  `${user === undefined || user === "" || user === "git" ? "" : `${user}@`}${host.toLowerCase()}/${decoded(path).replace(/^\/+/, "")}`

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
