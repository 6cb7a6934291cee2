/** Takes its time to say goodbye. */
import { pagesSource } from "../good/PagesSource.ts"

export default pagesSource({ slowToEnd: true })
