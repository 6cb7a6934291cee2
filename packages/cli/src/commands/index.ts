/** The command `cw`: all its subcommands, in the order in which a newcomer meets them. */
import * as Command from "effect/cli/Command"
import { apply } from "./apply.ts"
import { completions } from "./completions.ts"
import { config } from "./config.ts"
import { doctor } from "./doctor.ts"
import { explain } from "./explain.ts"
import { gen } from "./gen.ts"
import { graph } from "./graph.ts"
import { init } from "./init.ts"
import { list } from "./list.ts"
import { create } from "./new.ts"
import { Color, Output } from "./Options.ts"
import { plan } from "./plan.ts"
import { render } from "./render.ts"
import { run } from "./run.ts"
import { schema } from "./schema.ts"
import { status } from "./status.ts"
import { tap } from "./tap.ts"
import { ui } from "./ui.ts"
import { trace } from "./trace.ts"
import { test } from "./test.ts"
import { validate } from "./validate.ts"

const bare = Command.make("cw").pipe(
  Command.withDescription(
    "Which service runs in which cluster, turned into the exact configuration every cluster needs"
  ),
  Command.withExamples([
    { command: "cw init", description: "Write a first pipeline.yaml" },
    { command: "cw plan", description: "What would change?" },
    { command: "cw run", description: "Do it" }
  ])
)

export const root = bare.pipe(
  Command.withSubcommands([
    init,
    validate,
    plan,
    run,
    apply,
    render,
    gen,
    doctor,
    test,
    create,
    ui,
    status,
    tap,
    graph,
    list,
    explain,
    trace,
    schema,
    config,
    completions((): Command.Command.Any => root)
  ]),
  Command.withGlobalFlags([Output, Color])
)
