/** The built page: read once into memory from beside the bundle, or from the workspace while developing. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { extname, join, relative, sep } from "node:path"
import { fileURLToPath } from "node:url"
import type { Asset } from "@coddiwomple/ui/server/Server"

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json"
}

const places = ["../ui/", "./ui/", "../dist/ui/"]

export const load = (): ReadonlyMap<string, Asset> => {
  const folder = places
    .map((place) => fileURLToPath(new URL(place, import.meta.url)))
    .find((path) => existsSync(join(path, "index.html")))
  if (folder === undefined) return new Map()
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
    (path) => types[extname(path)] !== undefined
  )
  return new Map(
    files.map((path) => [
      `/${relative(folder, join(folder, path)).split(sep).join("/")}`,
      { type: types[extname(path)]!, bytes: readFileSync(join(folder, path)) }
    ])
  )
}
