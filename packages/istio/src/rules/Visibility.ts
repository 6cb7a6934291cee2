/** V9: who may see an object. */
import { isIstioLabel } from "@coddiwomple/core/Labels"
import { list, map, type Rule, spec, text } from "./Rule.ts"

export const exportTo: Rule = {
  id: "V9",
  code: "CW609",
  kinds: ["ServiceEntry", "VirtualService", "DestinationRule"],
  check: (object, report) => {
    const all = list(spec(object).exportTo)
    if (all.length === 0) return
    const own = map(object.metadata).namespace
    const seen = new Set<unknown>()
    for (let i = 0; i < all.length; i++) {
      const entry = all[i]
      const field = `spec.exportTo[${i}]`
      const meant = entry === "." ? own : entry
      if (seen.has(meant)) report.error("CW609", `${text(entry)} is named twice`, field)
      seen.add(meant)
      if (entry === "*" || entry === "~") {
        if (all.length > 1) report.error("CW609", `\`${entry}\` must stand alone`, field)
        if (entry === "~" && object.kind !== "ServiceEntry")
          report.error("CW609", "`~` is for ServiceEntries only", field)
      } else if (entry !== "." && (typeof entry !== "string" || !isIstioLabel(entry))) {
        report.error("CW609", `${text(entry)} is not a namespace`, field)
      }
    }
  }
}
