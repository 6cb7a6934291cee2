/** Writes in place: a kill in the middle leaves half a file, which the next run takes for somebody else's. */
import { filesSink } from "../good/FilesSink.ts"

export default filesSink({ tears: true })
