/** Namespace, where the pipeline is asked to create the one its objects live in. */
import type { Metadata } from "./Metadata.ts"

export type Namespace = { readonly apiVersion: "v1"; readonly kind: "Namespace"; readonly metadata: Metadata }

export const namespace = (metadata: Metadata): Namespace => ({ apiVersion: "v1", kind: "Namespace", metadata })
