/** A dry run of it leaves a file behind. */
import { filesSink } from "../good/FilesSink.ts"

export default filesSink({ writesWhilePlanning: true })
