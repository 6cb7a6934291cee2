import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { printable } from "@coddiwomple/core/Diagnostic"
import type { Cluster, NodeInfo, Status } from "@coddiwomple/ui/Contract"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as ExitCode from "../ExitCode.ts"
import * as Terminal from "../Terminal.ts"
import { end, lazily, presenter, usage } from "./Shared.ts"

export const address = Flag.String("address").pipe(
  Flag.withMetavar("ADDR"),
  Flag.withDescription("Port or address of the cw to ask (default: the one started last)"),
  Flag.optional
)

const many = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`

const pad = (rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)))
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i]!)))
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}

const detail = (node: NodeInfo): string => {
  if (node.reason !== undefined) return node.reason
  const stale = node.partitions?.filter((p) => p.state !== "synced") ?? []
  if (stale.length > 0)
    return `${stale.length} of ${node.partitions!.length} not synced: ${stale
      .slice(0, 3)
      .map((p) => p.name)
      .join(", ")}`
  if (node.plan !== undefined)
    return `${node.plan.create + node.plan.update + node.plan.delete} to write, ${node.plan.unchanged} unchanged, ${node.plan.held} held`
  return node.groups === undefined ? "" : many(node.groups, "service")
}

const text = (status: Status, clusters: ReadonlyArray<Cluster>): string => {
  const lost = clusters.filter((c) => c.state === "stale" || c.state === "unreached")
  const head = `generation ${status.generation}: ${many(status.services, "service")} in ${many(clusters.length, "cluster")}, ${status.held} held, ${status.pending} changes pending`
  const nodes = pad([
    ["NODE", "KIND", "STATE", "DETAIL"],
    ...status.nodes.map((n) => [n.id, `${n.kind} ${n.type}`, n.state, printable(detail(n)).replaceAll("\n", " ")])
  ])
  return [
    head,
    "",
    nodes,
    ...(lost.length === 0
      ? []
      : [
          "",
          ...lost.map(
            (c) =>
              `${c.name}: not connected${c.reason === undefined ? "" : `: ${printable(c.reason).replaceAll("\n", " ")}`}`
          )
        ]),
    ""
  ].join("\n")
}

export const status = Command.make("status", { address }, (input) =>
  Effect.gen(function* () {
    const told = yield* presenter("status", "stdout")
    const { find, get } = yield* lazily(() => import("../UiClient.ts"))
    const server = find(Option.getOrUndefined(input.address))
    if (server === undefined)
      return yield* usage("status", "no running cw can be asked", "start one: cw run --listen 8080, or cw ui")
    const [found, clusters] = yield* Effect.promise(() =>
      Promise.all([get<Status>(server, "/status"), get<ReadonlyArray<Cluster>>(server, "/clusters")])
    )
    if (found === undefined || clusters === undefined) {
      Terminal.say(`cw status: ${server.url} does not answer`)
      return yield* ExitCode.leave(ExitCode.failed)
    }
    if (told.output === "json") told.line({ ...found, type: "status", clusters })
    else yield* Effect.promise(() => Terminal.write(text(found, clusters)))
    const bad = found.nodes.some((n) => n.state === "failed" || n.state === "degraded") || found.held > 0
    yield* end(bad ? ExitCode.partial : ExitCode.ok)
  })
).pipe(
  Command.withDescription("Ask a running cw how its nodes are; 3 where something is held, degraded or failed"),
  Command.withExamples([{ command: "cw status -o json", description: "For a probe or a script" }])
)
