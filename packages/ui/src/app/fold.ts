/** Small measures of a text. */
export const parseAllDocuments = (text: string): number => text.replace(/\n$/, "").split("\n").length
