/** Reports as applied what failed. */
import { filesSink } from "../good/FilesSink.ts"

export default filesSink({ swallows: true })
