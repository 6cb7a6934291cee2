/** Which keys of a configuration cannot be written in YAML, nor be said in JSON Schema: class instances, symbols, bigints. */
import * as SchemaAST from "effect/SchemaAST"

/** Paths of such keys, as `cache.store`; empty for a good Schema. */
export const unwritable = (ast: SchemaAST.AST): ReadonlyArray<string> => {
  const out: Array<string> = []
  const seen = new Set<SchemaAST.AST>()
  const visit = (node: SchemaAST.AST, path: string): void => {
    if (seen.has(node)) return
    seen.add(node)
    switch (node._tag) {
      case "Declaration":
      case "Symbol":
      case "UniqueSymbol":
      case "BigInt":
        out.push(path === "" ? "the whole" : path)
        return
      case "Objects":
        for (const { name, type } of node.propertySignatures)
          visit(type, path === "" ? String(name) : `${path}.${String(name)}`)
        for (const { type } of node.indexSignatures) visit(type, `${path}.*`)
        return
      case "Arrays":
        for (const each of [...node.elements, ...node.rest]) visit(each, `${path}[]`)
        return
      case "Union":
        for (const each of node.types) visit(each, path)
        return
      case "Suspend":
        visit(SchemaAST.toEncoded(node.thunk()), path)
        return
      default:
        return
    }
  }
  visit(SchemaAST.toEncoded(ast), "")
  return out
}
