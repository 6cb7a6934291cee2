/**
 * Which lines of the pipeline file a finding of a running pipeline is about: the engine knows the node, the file where it
 * stands. What a finding says of a place or an object itself is never replaced.
 */
import type { Pipeline } from "@coddiwomple/config/Pipeline"
import type { Diagnostic } from "@coddiwomple/core/Diagnostic"

/** A finding, or its line of JSON, with the place of its node; beside its own where that is a file without a line. */
export const located =
  (pipeline: Pipeline) =>
  <A extends object>(finding: A): A => {
    const said = finding as Partial<Diagnostic>
    const node = said.node === undefined ? undefined : pipeline.nodes.find(({ id }) => id === said.node)
    if (node === undefined || said.object !== undefined || said.place?.line !== undefined) return finding
    // The line itself says less than the name of the node, and there may be a finding for each of many clusters.
    const { source: _source, ...place } = node.place()
    if (said.place === undefined) return { field: `${node.kind}s.${node.id}`, ...finding, place }
    return { ...finding, related: [...(said.related ?? []), { message: `${node.kind} ${node.id}`, place }] }
  }
