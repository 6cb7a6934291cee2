/** Believes that everything in its folder is its own. */
import { filesSink } from "../good/FilesSink.ts"

export default filesSink({ takesAll: true })
