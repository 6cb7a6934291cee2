import * as HashMap from "effect/HashMap"
import { services, clusters } from "../bench/Fleet.ts"
import { render } from "./Rendered.ts"
import { routes } from "../../plugins/check-routes/src/Routes.ts"
import { fromArtifacts } from "@coddiwomple/istio/simulator/World"
const cpu = () => process.cpuUsage().user / 1000
const n = Number(process.argv[2]), c = Number(process.argv[3]), profile = process.argv[4] ?? "mtls"
const origin = {label:"x"}
const facts: any[] = clusters({services:n,clusters:c}).map((x,i)=>({kind:"cluster",name:x.name,addresses:[x.address],order:i,region:x.region,origin}))
for (const s of services({services:n,clusters:c})) { facts.push({kind:"service",name:s.name,namespace:s.namespace,prefixes:s.dns_prefixes,ports:s.ports.map(p=>({name:p.name,protocol:p.protocol,port:p.service_port,backendPort:p.backend_port})),origin}); for (const [cl,h] of Object.entries(s.backends)) facts.push({kind:"backend",service:`${s.name}.${s.namespace}`,cluster:cl,host:h,origin}) }
const r = render(facts, {profile})
const by = Map.groupBy(r.artifacts, a=>a.service!)
const list = [...HashMap.values(r.model.services)].filter(s=>by.has(s.identity))
console.log(list.length, r.artifacts.length/list.length, "bodies", r.artifacts.reduce((m,a)=>m+a.text.length,0)/list.length, "chars")
for (let k=0;k<6;k++){ let f=0; const t=cpu(); for (const s of list) f+=routes(s, by.get(s.identity)!, r.model.fleet, {allowPlaintext:true,namespace:"default"}).length; const d=cpu()-t; const t2=cpu(); for (const s of list) fromArtifacts(r.model.fleet, by.get(s.identity)!); const d2=cpu()-t2; console.log("us/service", (d/list.length*1000).toFixed(1), "of it reading", (d2/list.length*1000).toFixed(1), "findings", f) }
