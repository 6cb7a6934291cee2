/** The laws that every check keeps. */
import { laws } from "@coddiwomple/testing"
import { it } from "vitest"
import plugin from "../src/index.ts"

const subject = {
  plugin,
  accepts: [{ namespace: "team-a", allowPlaintext: false }],
  rejects: [{ allowPlaintext: "yes" }, { namespace: "" }, { plaintext: true }]
}

for (const law of laws(subject)) it(`${law.name}: ${law.title}`, law.run, law.timeout)
