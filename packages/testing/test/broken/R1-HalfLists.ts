/** Takes a page that cannot be read for the end of the list. */
import { pagesSource } from "../good/PagesSource.ts"

export default pagesSource({ halfLists: true })
