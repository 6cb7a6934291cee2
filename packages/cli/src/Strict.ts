/**
 * `--strict`: every transform and check sees frozen copies, and is called twice, the second time at another date. One
 * that changes its input, or makes something else the second time, refuses the generation: CW626.
 */
import * as Build from "@coddiwomple/config/Build"
import type { PipelineNode } from "@coddiwomple/config/Pipeline"
import type { CheckImpl } from "@coddiwomple/core/Check"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import type { AnyPlugin } from "@coddiwomple/core/Plugin"
import { type Eventually, eventually, refused } from "@coddiwomple/core/PluginError"
import type { TransformImpl } from "@coddiwomple/core/Transform"
import { atAnotherTime, copy, copyModel, freeze, freezeModel, modelText, text } from "@coddiwomple/testing/Copies"
import * as Effect from "effect/Effect"
import type { Opened, OpenedNode } from "./Opened.ts"

export const strict = (pipeline: Opened): Opened => ({
  ...pipeline,
  nodes: pipeline.nodes.map((node) => {
    const checked = pipeline.checked.nodes.find((n) => n.id === node.id)
    if (checked?.plugin === undefined || (node.kind !== "transform" && node.kind !== "check")) return node
    return watched(node, { ...checked, plugin: plugin(checked.plugin, checked) })
  })
})

const watched = (node: OpenedNode, checked: PipelineNode): OpenedNode => {
  const pinned = node.reads.length === 0 ? checked.options : { ...checked.options, from: node.reads }
  return {
    ...node,
    blueprint: { ...node.blueprint, layer: Build.layer(checked) },
    pinned: { ...node.pinned, layer: Build.layer({ ...checked, options: pinned }) }
  }
}

const plugin = (original: AnyPlugin, node: PipelineNode): AnyPlugin => ({
  ...original,
  make: (config) => Effect.map(original.make(config), (impl) => doubled(impl as TransformImpl | CheckImpl, node))
})

const doubled = (impl: TransformImpl | CheckImpl, node: PipelineNode): unknown => {
  const { run } = impl as { readonly run: (...args: ReadonlyArray<unknown>) => Eventually<unknown> }
  if (impl.shape === "model" || impl.shape === "set") {
    return {
      ...impl,
      run: (input: unknown) =>
        Effect.gen(function* () {
          const frozen = freezeInput(input)
          const before = inputText(frozen)
          const call = Effect.mapError(
            eventually(() => run(frozen)),
            (cause) => mutation(node, cause) ?? cause
          )
          const first = yield* call
          const second = yield* call
          const found = changed(node, before, inputText(frozen)) ?? different(node, first, second)
          return found === undefined ? first : yield* Effect.fail(found)
        })
    }
  }
  return {
    ...impl,
    run: (...args: ReadonlyArray<unknown>) => {
      const frozen = args.map((arg) => freeze(copy(arg)))
      const before = text(frozen)
      try {
        const first = run(...frozen)
        const found =
          changed(node, before, text(frozen)) ??
          different(
            node,
            first,
            atAnotherTime(() => run(...frozen))
          )
        if (found !== undefined) throw found
        return first
      } catch (cause) {
        throw mutation(node, cause) ?? cause
      }
    }
  }
}

/** Models hold persistent maps, which must not be frozen themselves. */
const freezeInput = (input: unknown): unknown => {
  const { model, ...rest } = input as { readonly model: Parameters<typeof copyModel>[0] }
  return { ...freeze(copy(rest)), model: freezeModel(copyModel(model)) }
}

const inputText = (input: unknown): string => {
  const { model, ...rest } = input as { readonly model: Parameters<typeof modelText>[0] }
  return modelText(model) + text(rest)
}

const refusal = (node: PipelineNode, message: string, help: string) =>
  refused([
    Diagnostic.error("CW626", `${node.kind} \`${node.id}\` (${node.uses}) ${message}`, {
      node: node.id,
      place: node.place(["uses"]),
      help
    })
  ])

const mutation = (node: PipelineNode, cause: unknown) => {
  const message = cause instanceof Error ? cause.message : String(cause)
  return /read.only|not extensible|[Cc]annot (assign|delete|add|define)/.test(message)
    ? refusal(node, `tries to change its input: ${message}`, "work on a copy: other nodes see the same values")
    : undefined
}

const changed = (node: PipelineNode, before: string, after: string) =>
  before === after ? undefined : refusal(node, "changed its input", "work on a copy: other nodes see the same values")

const different = (node: PipelineNode, first: unknown, second: unknown) => {
  const [a, b] = [text(first), text(second)]
  if (a === b) return undefined
  let i = 0
  while (a[i] === b[i]) i++
  const show = (t: string) => JSON.stringify(t.slice(Math.max(0, i - 40), i + 40))
  const help = `it must depend on its input alone: no clock, no randomness, no counter\nfirst: …${show(a)}\nthen:  …${show(b)}`
  return refusal(node, "makes something else the second time", help)
}
