/** Says after a gap what came, not what went. */
import { pagesSource } from "../good/PagesSource.ts"

export default pagesSource({ onlyNews: true })
