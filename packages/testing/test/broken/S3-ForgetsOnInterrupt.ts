/** Tidies up too much when it is interrupted: it forgets what is its own. */
import { filesSink } from "../good/FilesSink.ts"

export default filesSink({ forgetsOnInterrupt: true })
