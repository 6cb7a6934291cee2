/** Takes lost contact for an empty list. */
import { pagesSource } from "../good/PagesSource.ts"

export default pagesSource({ emptyWhenLost: true })
