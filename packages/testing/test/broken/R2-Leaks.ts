/** Starts a request that belongs to nobody, and that nobody ends. */
import { pagesSource } from "../good/PagesSource.ts"

export default pagesSource({ leaks: true })
