/** The public face of config: `definePipeline` for pipeline.ts, and loading for programs around the engine. */
export { definePipeline, isPipelineDefinition, loadDefinitions, type PipelineDefinition } from "./define.ts"
export { type Loaded, type LoadInputs, load, together } from "./Load.ts"
export type { Pipeline, PipelineNode, PipelineTest } from "./Pipeline.ts"
