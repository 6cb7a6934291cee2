/** Never says that it can be trusted again. */
import { pagesSource } from "../good/PagesSource.ts"

export default pagesSource({ staysStale: true })
