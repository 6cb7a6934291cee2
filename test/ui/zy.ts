import { launch } from "./Browser.ts"
const b = await launch()
const t = Date.now()
b.on("disconnected", () => console.log("BROWSER GONE", Date.now() - t))
const p = await b.newPage()
await p.goto(process.argv[2] ?? "about:blank")
await p.waitForTimeout(12000).catch((e) => console.log(String(e).slice(0,80)))
console.log("fine", Date.now() - t)
await b.close()
