/** Speaks without having said of what it will speak. */
import { pagesSource } from "../good/PagesSource.ts"

export default pagesSource({ noPartitions: true })
