/** Watches on in a run that is to end by itself. */
import { pagesSource } from "../good/PagesSource.ts"

export default pagesSource({ neverEnds: true })
