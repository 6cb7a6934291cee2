/** Istio objects, and the rules they must pass. Hot paths import the modules themselves. */
export * as DestinationRule from "./DestinationRule.ts"
export * as Gateway from "./Gateway.ts"
export * as Namespace from "./Namespace.ts"
export * as Protocol from "./Protocol.ts"
export * as ServiceEntry from "./ServiceEntry.ts"
export * as Validate from "./Validate.ts"
export * as VirtualService from "./VirtualService.ts"
