/** The laws that every source keeps. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { laws, type Platform, Worlds } from "@coddiwomple/testing"
import { afterAll, describe, it } from "vitest"
import json from "../src/index.ts"
import { service } from "./Reading.ts"

const world = Worlds.directory()
afterAll(world.dispose)

const write = (clusters: string, services: string) => {
  world.write("clusters.json", clusters)
  world.write("services.json", services)
}
const two = JSON.stringify([
  { name: "a", address: "a.example.com" },
  { name: "b", address: "192.0.2.2" }
])
const services = (...names: ReadonlyArray<string>) => JSON.stringify(names.map((n) => service(n)))
const of = (...names: ReadonlyArray<string>) => names.flatMap((n) => [`service/${n}`, `backend/${n}/a`])
const both = ["cluster/a", "cluster/b"]

describe("laws", () => {
  for (const law of laws({
    plugin: json,
    platform: NodeServices.layer as Platform,
    directory: world.directory,
    config: { clusters: "clusters.json", services: "services.json", watch: true },
    accepts: [{ clusters: "x" }, { services: "x" }, { services: "x", watch: true }],
    rejects: [{}, { watch: true }, { clusters: "" }, { clusters: ["x"] }, { service: "x" }],
    worlds: [
      {
        title: "two files",
        arrange: () => write(two, services("foo", "bar")),
        expect: { "clusters.json": both, "services.json": of("foo", "bar") }
      },
      { title: "empty lists", arrange: () => write("[]", "[]"), expect: { "clusters.json": [], "services.json": [] } },
      {
        title: "a bad entry",
        arrange: () => write(two, JSON.stringify([service("foo"), service("bar", { ports: [] })])),
        expect: { "clusters.json": both, "services.json": { facts: of("foo"), bad: 1 } }
      },
      { title: "a broken file", arrange: () => write(two, "[{"), expect: "fails" },
      { title: "a missing file", arrange: () => world.remove("clusters.json"), expect: "fails" }
    ],
    reconnect: {
      arrange: () => write(two, services("foo", "bar")),
      before: { "services.json": of("foo", "bar") },
      lose: () => world.write("services.json", services("foo", "bar").slice(0, -1)),
      restore: () => world.write("services.json", services("bar", "new")),
      after: { "clusters.json": both, "services.json": of("bar", "new") },
      within: 5000
    }
  }))
    it(`${law.name}: ${law.title}`, law.run, law.timeout)
})
