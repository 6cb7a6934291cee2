/** V14 to V16: metadata that the API server or Istio's webhook refuses. */
import { isDnsLabel, isLabelValue, isQualifiedName, isSubdomain } from "@coddiwomple/core/Labels"
import { map, type Report, type Rule, text } from "./Rule.ts"

export const refusedAnnotations: Rule = {
  id: "V14",
  code: "CW614",
  check: (object, report) => {
    const { annotations } = map(object.metadata)
    if (annotations === undefined) return
    for (const key of ["internal.istio.io/webhook-always-reject", "istio.io/dry-run"]) {
      if (
        !Object.hasOwn(map(annotations), key) ||
        (key === "istio.io/dry-run" && object.kind === "AuthorizationPolicy")
      )
        continue
      report.error("CW614", `the annotation ${key} makes Istio refuse it`, `metadata.annotations.${key}`)
    }
  }
}

// Keys are the same in all objects of a fleet.
const goodKeys = new Set<string>()

const checkKeys = (values: Readonly<Record<string, unknown>>, field: string, report: Report): void => {
  for (const key in values) {
    if (goodKeys.has(key)) continue
    if (!isQualifiedName(key)) report.error("CW615", `${text(key)} is not usable as a key`, field)
    else if (goodKeys.size < 1000) goodKeys.add(key)
  }
}

export const objectMetadata: Rule = {
  id: "V15",
  code: "CW615",
  check: (object, report) => {
    const { name, namespace, labels, annotations } = map(object.metadata)
    if (typeof name !== "string" || !isSubdomain(name))
      report.error("CW615", `${text(name)} is not a name for an object`, "metadata.name")
    if (object.kind === "Namespace" && typeof name === "string" && !isDnsLabel(name))
      report.error("CW615", `${text(name)} is not a name for a namespace`, "metadata.name")
    if (namespace !== undefined && (typeof namespace !== "string" || !isDnsLabel(namespace))) {
      report.error("CW615", `${text(namespace)} is not a namespace`, "metadata.namespace")
    }
    if (labels !== undefined) {
      const all = map(labels)
      checkKeys(all, "metadata.labels", report)
      for (const key in all) {
        const value = all[key]
        if (typeof value !== "string" || !isLabelValue(value))
          report.error(
            "CW615",
            `${text(value)} is not usable as the value of label ${text(key)}`,
            `metadata.labels.${key}`
          )
      }
    }
    if (annotations !== undefined) {
      const all = map(annotations)
      checkKeys(all, "metadata.annotations", report)
      for (const key in all)
        if (typeof all[key] !== "string")
          report.error("CW615", `annotation ${text(key)} is not a string`, `metadata.annotations.${key}`)
    }
  }
}

const limit = 262_144
const bytes = new TextEncoder()

export const annotationSize: Rule = {
  id: "V16",
  code: "CW616",
  check: (object, report) => {
    const { annotations } = map(object.metadata)
    if (annotations === undefined) return
    const all = map(annotations)
    let characters = 0
    for (const key in all) characters += key.length + String(all[key]).length
    if (characters * 3 <= limit) return
    const size = Object.entries(all).reduce((sum, [key, value]) => sum + bytes.encode(key + String(value)).length, 0)
    if (size > limit)
      report.error("CW616", `annotations have ${size} bytes, at most ${limit} are allowed`, "metadata.annotations")
  }
}
