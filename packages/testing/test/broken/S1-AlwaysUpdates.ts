/** Never content: it plans an update of files that are already right. */
import { filesSink } from "../good/FilesSink.ts"

export default filesSink({ alwaysUpdates: true })
