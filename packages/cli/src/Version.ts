/** The version of this cw: put in by the build, read from package.json where the sources run as they are. */
import { readFileSync } from "node:fs"

declare const CW_VERSION: string | undefined

const fromManifest = (): string =>
  (JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { readonly version: string })
    .version

export const version: string = typeof CW_VERSION === "string" ? CW_VERSION : fromManifest()
