/** Tries for ever what can never go well. */
import { filesSink } from "../good/FilesSink.ts"

export default filesSink({ everythingRetryable: true })
