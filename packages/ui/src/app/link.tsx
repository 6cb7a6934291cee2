/** The address is the state: a path and its parameters. Links are real links; plain clicks stay in the page. */
import type { AnchorHTMLAttributes, ReactNode } from "react"
import { store, useStore } from "./store.ts"

export interface Place {
  readonly path: ReadonlyArray<string>
  readonly query: URLSearchParams
  readonly href: string
}

const read = (): Place => ({
  path: location.pathname
    .split("/")
    .filter((p) => p !== "")
    .map(safely),
  query: new URLSearchParams(location.search),
  href: location.pathname + location.search
})

const safely = (part: string): string => {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

export const place = store<Place>(read())
export const usePlace = (): Place => useStore(place)

addEventListener("popstate", () => place.set(read()))

export const go = (href: string, replace = false): void => {
  if (href === place.get().href) return
  if (replace) history.replaceState(null, "", href)
  else history.pushState(null, "", href)
  place.set(read())
}

type Parameters = Readonly<Record<string, string | undefined>>

/** The current address with other parameters; undefined and empty take one away. */
export const withQuery = (change: Parameters, path = location.pathname): string => {
  const query = new URLSearchParams(place.get().query)
  for (const [key, value] of Object.entries(change)) {
    if (value === undefined || value === "") query.delete(key)
    else query.set(key, value)
  }
  const text = query.toString()
  return text === "" ? path : `${path}?${text}`
}

export const serviceHref = (id: string, change: Parameters = {}): string =>
  withQuery(change, `/services/${encodeURIComponent(id)}`)

interface LinkProps extends AnchorHTMLAttributes<HTMLAnchorElement> {
  readonly to: string
  readonly children: ReactNode
}

export const Link = ({ children, onClick, to, ...rest }: LinkProps) => (
  <a
    href={to}
    onClick={(event) => {
      onClick?.(event)
      if (
        event.defaultPrevented ||
        event.button !== 0 ||
        event.metaKey ||
        event.ctrlKey ||
        event.shiftKey ||
        event.altKey
      )
        return
      event.preventDefault()
      go(to)
    }}
    {...rest}
  >
    {children}
  </a>
)
