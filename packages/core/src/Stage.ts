/**
 * What one transform has produced, by group, and how it is brought up to date: groups that are as before stay the same
 * objects. A stage is never changed; its claims are, which is why a refused generation is rendered again as a whole.
 */
import * as HashMap from "effect/HashMap"
import type { Artifact, Combines } from "./Artifact.ts"
import { type Groups, lookup } from "./Bundle.ts"
import { Claims } from "./Claims.ts"
import * as ClusterSet from "./ClusterSet.ts"
import { fleetGroup } from "./Desired.ts"
import * as Diagnostic from "./Diagnostic.ts"
import type { Model } from "./Model.ts"
import type { TransformNode } from "./Node.ts"
import { failure, guarded, Thrown } from "./Refusal.ts"
import type { Claim, Rendered } from "./Transform.ts"

export interface Stage {
  readonly groups: Groups
  /** Findings by group. */
  readonly findings: ReadonlyMap<string, ReadonlyArray<Diagnostic.Diagnostic>>
  readonly claims: Claims<Claim>
}

export const empty = (): Stage => ({ groups: HashMap.empty(), findings: new Map(), claims: new Claims<Claim>() })

export const parts = (rendered: Rendered) =>
  "artifacts" in rendered ? rendered : { artifacts: rendered, diagnostics: [] as ReadonlyArray<Diagnostic.Diagnostic> }

export const join = (all: ReadonlyArray<Rendered>): Rendered => ({
  artifacts: all.flatMap((r) => parts(r).artifacts),
  diagnostics: all.flatMap((r) => parts(r).diagnostics)
})

/** What belongs to no service says what it was made of. */
export const marked = (rendered: Rendered, combines: (artifact: Artifact) => Combines | undefined): Rendered => {
  const { artifacts, diagnostics } = parts(rendered)
  return {
    artifacts: artifacts.map((a) => {
      const of = a.service === undefined ? combines(a) : undefined
      return of === a.combines ? a : { ...a, combines: of }
    }),
    diagnostics
  }
}

/** An error that belongs to no service cannot hold one: it stops the generation. */
const refuseFleet = (node: TransformNode, diagnostics: ReadonlyArray<Diagnostic.Diagnostic>): void => {
  const errors = diagnostics.filter(Diagnostic.isError)
  if (errors.length > 0) throw new Thrown(failure(node, "", undefined, errors))
}

// Written out, because a spread costs several times as much and this runs for every body.
const stamp = (node: string, artifacts: ReadonlyArray<Artifact>): ReadonlyArray<Artifact> =>
  artifacts.map(({ combines, form, id, ownership, service, targets, text }) =>
    service !== undefined
      ? { id, form, targets, text, service, node, ownership }
      : combines === undefined
        ? { id, form, targets, text, node, ownership }
        : { id, form, targets, text, node, combines, ownership }
  )

/** Runs `run` for every touched group; undefined removes the group. */
export const rerender = (
  node: TransformNode,
  old: Stage,
  touched: ReadonlySet<string>,
  run: (group: string) => Rendered | undefined
): Stage => {
  let groups = HashMap.beginMutation(old.groups)
  const findings = new Map(old.findings)
  const cold = HashMap.isEmpty(old.groups)
  for (const group of touched) {
    const rendered = guarded(node, group, () => run(group))
    const { artifacts, diagnostics } = rendered === undefined ? { artifacts: [], diagnostics: [] } : parts(rendered)
    if (group === fleetGroup) refuseFleet(node, diagnostics)
    if (artifacts.length > 0) groups = HashMap.set(groups, group, stamp(node.id, artifacts))
    else if (!cold) groups = HashMap.remove(groups, group)
    if (diagnostics.length === 0) findings.delete(group)
    else findings.set(group, diagnostics)
  }
  return { groups: HashMap.endMutation(groups), findings, claims: old.claims }
}

/** A whole rendering in groups; groups that are as before stay the same objects, the others are touched. */
export const regroup = (node: TransformNode, old: Stage, rendered: Rendered, touched: Set<string>): Stage => {
  const { artifacts, diagnostics } = parts(rendered)
  refuseFleet(
    node,
    diagnostics.filter((d) => d.service === undefined)
  )
  const byGroup = new Map<string, Array<Artifact>>()
  for (const artifact of artifacts) {
    const group = artifact.service ?? fleetGroup
    const list = byGroup.get(group)
    if (list === undefined) byGroup.set(group, [artifact])
    else list.push(artifact)
  }
  let groups = HashMap.beginMutation(old.groups)
  for (const name of HashMap.keys(old.groups)) {
    if (byGroup.has(name)) continue
    touched.add(name)
    groups = HashMap.remove(groups, name)
  }
  for (const [name, list] of byGroup) {
    if (equal(lookup(old.groups, name), list)) continue
    touched.add(name)
    groups = HashMap.set(groups, name, stamp(node.id, list))
  }
  const findings = new Map<string, ReadonlyArray<Diagnostic.Diagnostic>>()
  for (const d of diagnostics) {
    const group = d.service ?? fleetGroup
    findings.set(group, [...(findings.get(group) ?? []), d])
    touched.add(group)
  }
  for (const group of old.findings.keys()) touched.add(group)
  return { groups: HashMap.endMutation(groups), findings, claims: old.claims }
}

const equal = (a: ReadonlyArray<Artifact>, b: ReadonlyArray<Artifact>): boolean =>
  a.length === b.length &&
  a.every((x, i) => {
    const y = b[i]!
    return x.id === y.id && x.text === y.text && x.ownership === y.ownership && ClusterSet.equals(x.targets, y.targets)
  })

/** Equal bodies of several clusters become one artifact with the union of their targets. */
export const mergeClusters = (
  results: ReadonlyArray<{
    readonly index: number
    readonly artifacts: ReadonlyArray<Artifact>
    readonly diagnostics: ReadonlyArray<Diagnostic.Diagnostic>
  }>,
  model: Model
): Rendered => {
  const merged = new Map<string, { artifact: Artifact; readonly indices: Array<number> }>()
  for (const { index, artifacts } of results) {
    for (const artifact of artifacts) {
      const key = `${artifact.id}\u0000${artifact.text}`
      const known = merged.get(key)
      if (known === undefined) merged.set(key, { artifact, indices: [index] })
      else known.indices.push(index)
    }
  }
  return {
    artifacts: [...merged.values()].map(({ artifact, indices }) => ({
      ...artifact,
      targets: model.fleet.set(indices)
    })),
    diagnostics: results.flatMap((r) => r.diagnostics)
  }
}
