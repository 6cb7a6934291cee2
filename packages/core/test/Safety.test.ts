/** What decides that something is not deleted, and what remembers what is ours: guard, interlock, inventory. */
import { assert, describe, it } from "vitest"
import * as fc from "fast-check"
import { defaultLimits, inDoubt, type Safety, secure } from "../src/Guard.ts"
import * as Inventory from "../src/Inventory.ts"
import type { Plan, PlanItem } from "../src/Plan.ts"

const safety: Safety = { policy: "sync", limits: defaultLimits, partitions: [], held: new Map() }
const remove = (id: string, more: Partial<PlanItem> = {}): PlanItem => ({ op: "delete", target: "t", id, ...more })
const plan = (items: ReadonlyArray<PlanItem>, owned = 100): Plan => ({
  items,
  unchanged: 0,
  owned: new Map([["t", owned]])
})

describe("the guard", () => {
  it.each([
    [10, 10, 10],
    [11, 10, 0],
    [20, 100, 20],
    [21, 100, 0],
    [11, 0, 0]
  ])("with %i deletes of %i owned objects lets %i pass", (deletes, owned, pass) => {
    const secured = secure(
      plan(
        Array.from({ length: deletes }, (_, i) => remove(`o${i}`)),
        owned
      ),
      safety
    )
    assert.equal(secured.items.filter((i) => i.op === "delete").length, pass)
    assert.equal(secured.diagnostics.length, pass === deletes ? 0 : 1)
  })

  it("guards each target alone", () => {
    const items = [
      ...Array.from({ length: 30 }, (_, i) => remove(`o${i}`)),
      { op: "delete", target: "u", id: "x" } as const
    ]
    const secured = secure(
      {
        items,
        unchanged: 0,
        owned: new Map([
          ["t", 30],
          ["u", 30]
        ])
      },
      safety
    )
    assert.deepEqual(
      secured.items.filter((i) => i.op === "delete").map((i) => i.id),
      ["x"]
    )
    assert.match(secured.diagnostics[0]!.help!, /--allow-deletes 30/)
  })

  it("lets a person allow a number", () => {
    const items = Array.from({ length: 30 }, (_, i) => remove(`o${i}`))
    assert.equal(secure(plan(items), { ...safety, allowDeletes: 29 }).items.filter((i) => i.op === "held").length, 30)
    assert.equal(secure(plan(items), { ...safety, allowDeletes: 30 }).items.filter((i) => i.op === "held").length, 0)
  })
})

describe("the interlock", () => {
  const fresh = { source: "s", name: "p", since: 0, doubt: false, state: "synced" } as const
  it.each([
    [{ ...fresh, state: "stale" as const, reason: "timeout" }, "s/p is stale (timeout)"],
    [{ ...fresh, state: "never-synced" as const }, "s/p is never-synced"],
    [{ ...fresh, doubt: true }, "s/p has entries that cannot be read"]
  ])("holds deletes for %o", (partition, reason) => {
    assert.deepEqual(inDoubt([fresh, partition]), [reason])
    const secured = secure(plan([remove("x"), { op: "update", target: "t", id: "y" }]), {
      ...safety,
      partitions: [fresh, partition]
    })
    assert.deepEqual(
      secured.items.map((i) => i.op),
      ["held", "update"]
    )
    assert.equal(secured.diagnostics[0]!.code, "CW901")
  })
})

describe("what is made of all services", () => {
  const fresh = { source: "s", name: "p", since: 0, doubt: false, state: "synced" } as const
  const whole: PlanItem = { op: "update", target: "t", id: "zone", combines: "services" }
  const listed: PlanItem = { ...whole, id: "list", combines: "artifacts" }
  const ops = (items: ReadonlyArray<PlanItem>, more: Partial<Safety>) =>
    secure(plan(items), { ...safety, policy: "upsert-only", ...more }).items.map((i) => i.op)
  it.each<[string, Partial<Safety>, string, string]>([
    ["nothing is missing", { partitions: [fresh] }, "update", "update"],
    ["last facts count", { partitions: [{ ...fresh, state: "stale" }] }, "update", "update"],
    ["a source never spoke", { partitions: [fresh, { ...fresh, state: "never-synced" }] }, "held", "held"],
    ["entries cannot be read", { partitions: [{ ...fresh, doubt: true }] }, "held", "held"],
    [
      "a service is held, its hosts known",
      { held: new Map([["a", { identity: "a", diagnostics: [] }]]) },
      "update",
      "held"
    ],
    ["nothing is known of a service", { uncertain: ["a"] }, "held", "held"]
  ])("%s", (_, more, services, artifacts) => assert.deepEqual(ops([whole, listed], more), [services, artifacts]))
  it("may be made anew, and holds nothing else", () => {
    const doubt = { partitions: [{ ...fresh, doubt: true }] }
    assert.deepEqual(
      ops(
        [
          { ...whole, op: "create" },
          { op: "update", target: "t", id: "x" }
        ],
        doubt
      ),
      ["create", "update"]
    )
    const secured = secure(plan([whole]), { ...safety, ...doubt })
    assert.match(secured.items[0]!.reason!, /^made of all services, and source s\/p has entries/)
    assert.match(secured.diagnostics[0]!.message, /^updates of what is made of all services are held/)
  })
  it("stays where the guard keeps the objects of what it would lose", () => {
    const many = Array.from({ length: 30 }, (_, i) => remove(`o${i}`))
    const after = (allowDeletes: number) => secure(plan([...many, whole, listed]), { ...safety, allowDeletes }).items
    assert.isTrue(after(29).every((i) => i.op === "held"))
    assert.isTrue(after(30).every((i) => i.op !== "held"))
  })
})

describe("held services", () => {
  const held = new Map([["a", { identity: "a", diagnostics: [] }]])
  it("keep what is theirs, and what does not say whose it is", () => {
    const secured = secure(plan([remove("x", { service: "a" }), remove("y", { service: "b" }), remove("z")]), {
      ...safety,
      held
    })
    assert.deepEqual(
      secured.items.map((i) => i.op),
      ["held", "delete", "held"]
    )
  })
})

describe("a list of what is in a target", () => {
  const held = new Map([["a", { identity: "a", diagnostics: [] }]])
  const list: PlanItem = { op: "update", target: "t", id: "list", lists: true }
  const made = (service: string, target = "t"): PlanItem => ({ op: "create", target, id: service, service })
  const ops = (...items: ReadonlyArray<PlanItem>) => secure(plan(items), { ...safety, held }).items.map((i) => i.op)
  it("waits where all that it would list anew is held, and nowhere else", () => {
    assert.deepEqual(ops(made("a"), list), ["held", "held"])
    assert.deepEqual(ops(made("a"), made("b"), list), ["held", "create", "update"])
    assert.deepEqual(ops(made("a", "u"), list), ["held", "update"])
    assert.deepEqual(ops(remove("x", { service: "a" }), list), ["held", "update"])
    assert.deepEqual(ops(made("a"), { ...list, op: "create" }), ["held", "create"])
  })
})

describe("two services that want the same", () => {
  const item = (service: string, more: Partial<PlanItem> = {}): PlanItem => ({
    op: "update",
    target: "t",
    id: service,
    service,
    ...more
  })
  const old = { identity: "old", diagnostics: [] }
  const ops = (items: ReadonlyArray<PlanItem>, rivals: ReadonlyArray<string>, owns?: Plan["owns"]) =>
    secure(owns === undefined ? plan(items) : { ...plan(items), owns }, {
      ...safety,
      held: new Map([["old", old]]),
      rivals: {
        of: (service) => (rivals.includes(service) ? ["old"] : []),
        contested: () => new Set(rivals.length > 0 ? ["old"] : []),
        before: () => [],
        isGone: () => false
      }
    }).items.map((i) => i.op)
  it("an object does not pass from a held service to another", () =>
    assert.deepEqual(ops([item("new", { formerly: "old" }), item("new")], []), ["held", "update"]))
  it("the one that wins stays out of targets where the other is", () => {
    const here: Plan["owns"] = (target, service) => target === "t" && service === "old"
    const items = [item("new"), item("new", { op: "create" }), item("new", { target: "u" }), item("third")]
    assert.deepEqual(ops(items, ["new"], here), ["held", "held", "update", "update"])
    assert.deepEqual(
      ops(items, ["new"], () => false),
      ["update", "create", "update", "update"]
    )
    assert.deepEqual(ops(items, [], here), ["update", "create", "update", "update"])
  })
  it("who takes over an object of a held one stays out of that target with all it has", () =>
    assert.deepEqual(
      ops([item("new", { formerly: "old" }), item("new", { op: "create" })], [], () => true),
      ["held", "held"]
    ))
  it("who wants what another had waits where the other waits, and so on", () => {
    const after: Record<string, string> = { second: "first", third: "second" }
    const rivals = {
      of: () => [],
      before: (service: string) => (after[service] === undefined ? [] : [after[service]]),
      contested: () => new Set<string>(),
      isGone: () => false
    }
    const items = [item("third"), item("second"), item("first", { op: "held" }), item("third", { target: "u" })]
    assert.deepEqual(
      secure(plan(items), { ...safety, rivals }).items.map((i) => i.op),
      ["held", "held", "held", "update"]
    )
  })
  it("what is made of all services stays where calls still go to the other", () => {
    const zone: PlanItem = { op: "update", target: "t", id: "zone", combines: "services" }
    assert.deepEqual(
      ops([zone], ["new"], () => true),
      ["held"]
    )
    assert.deepEqual(
      ops([zone, { ...zone, op: "create" }], ["new"], () => false),
      ["update", "create"]
    )
    assert.deepEqual(
      ops([zone], [], () => true),
      ["update"]
    )
  })
})

describe("property: safety only ever holds", () => {
  const item: fc.Arbitrary<PlanItem> = fc.record({
    op: fc.constantFrom("create", "update", "delete", "held", "conflict"),
    target: fc.constantFrom("t", "u"),
    id: fc.string(),
    service: fc.constantFrom("a", "b")
  })
  it("never turns an item into a delete, never lets a delete pass in doubt", () => {
    fc.assert(
      fc.property(
        fc.array(item),
        fc.boolean(),
        fc.boolean(),
        fc.constantFrom<"sync" | "upsert-only">("sync", "upsert-only"),
        (items, doubt, hold, policy) => {
          const held = new Map(hold ? [["a", { identity: "a", diagnostics: [] }]] : [])
          const partitions = [{ source: "s", name: "p", since: 0, doubt, state: "synced" as const }]
          const secured = secure({ items, unchanged: 0 }, { ...safety, policy, held, partitions })
          assert.equal(secured.items.length, items.length)
          secured.items.forEach((after, i) => {
            const before = items[i]!
            assert.isTrue(after.op === before.op || after.op === "held")
            if (after.op === "delete") assert.isTrue(policy === "sync" && !doubt && !(hold && before.service === "a"))
            if (hold && before.service === "a") assert.isTrue(after.op === "held" || after.op === "conflict")
            if (after.op === "held" && before.op !== "held") assert.equal(after.intended, before.op)
          })
        }
      )
    )
  })
})

describe("the inventory", () => {
  const entry = fc.record({
    id: fc.string({ minLength: 1 }),
    digest: fc.string(),
    uid: fc.string(),
    service: fc.string()
  })
  it("survives its text form, one entry a line, sorted", () => {
    fc.assert(
      fc.property(fc.array(entry), (entries) => {
        const safe = entries.filter((e) => e.id !== "__proto__")
        const inventory = { owner: "me", entries: new Map(safe.map((e) => [e.id, e])) }
        const text = Inventory.toText(inventory)
        const back = Inventory.fromText(text)
        if ("problem" in back) throw new Error(back.problem)
        assert.deepEqual(
          Object.fromEntries(back.entries),
          Object.fromEntries([...inventory.entries].map(([id, e]) => [id, { ...e }]))
        )
        assert.equal(Inventory.toText(back), text)
      })
    )
  })
  it("says what is wrong with a text that is not one", () => {
    for (const text of ["", "[]", "{}", '{"version":2,"pipeline":"x","entries":{}}'])
      assert.property(Inventory.fromText(text), "problem")
  })
  it("lists old and new before an apply, and only what is there after it", () => {
    const before = {
      owner: "me",
      entries: new Map([
        ["old", { id: "old", digest: "1" }],
        ["gone", { id: "gone", digest: "2" }]
      ])
    }
    const items: ReadonlyArray<PlanItem> = [
      { op: "update", target: "t", id: "old", digest: "9" },
      { op: "create", target: "t", id: "new", digest: "3", service: "s" },
      { op: "create", target: "t", id: "failed", digest: "4" },
      { op: "delete", target: "t", id: "gone" }
    ]
    const wide = Inventory.widen(before, items)
    assert.deepEqual([...wide.entries.keys()].sort(), ["failed", "gone", "new", "old"])
    const after = Inventory.settle(
      wide,
      [
        { op: "update", target: "t", id: "old", outcome: "applied" },
        { op: "create", target: "t", id: "new", service: "s", outcome: "applied" },
        { op: "create", target: "t", id: "failed", outcome: "unknown" },
        { op: "delete", target: "t", id: "gone", outcome: "applied" }
      ],
      (id) => ({ digest: `${id}!` })
    )
    assert.deepEqual(Object.fromEntries([...after.entries].map(([id, e]) => [id, e.digest])), {
      old: "old!",
      new: "new!",
      failed: "4"
    })
    assert.equal(after.entries.get("new")!.service, "s")
  })
})
