/** The plugins that come with cw, by kind and by the word that `uses:` says. Each is loaded only when a file names it. */
import type { AnyPlugin, Kind } from "@coddiwomple/core/Plugin"

type Load = () => Promise<{ readonly default: AnyPlugin }>

export const builtins: Readonly<Record<Kind, Readonly<Record<string, Load>>>> = {
  source: {
    json: () => import("@coddiwomple/source-json"),
    kubernetes: () => import("@coddiwomple/source-kubernetes"),
    manifests: () => import("@coddiwomple/source-manifests"),
    exec: () => import("@coddiwomple/transform-exec/source")
  },
  transform: {
    "istio-global-dns": () => import("@coddiwomple/transform-istio-global-dns"),
    coredns: () => import("@coddiwomple/transform-coredns"),
    exec: () => import("@coddiwomple/transform-exec")
  },
  check: {
    routes: () => import("@coddiwomple/check-routes"),
    exec: () => import("@coddiwomple/transform-exec/check")
  },
  sink: {
    stdout: () => import("@coddiwomple/sink-stdout"),
    files: () => import("@coddiwomple/sink-files"),
    "kubectl-apply": () => import("@coddiwomple/sink-kubectl-apply"),
    git: () => import("@coddiwomple/sink-git"),
    exec: () => import("@coddiwomple/transform-exec/sink")
  }
}

export const kinds = Object.keys(builtins) as ReadonlyArray<Kind>

/** The kinds under which a word names a built-in plugin. */
export const kindsOf = (type: string): ReadonlyArray<Kind> =>
  kinds.filter((kind) => Object.hasOwn(builtins[kind], type))
