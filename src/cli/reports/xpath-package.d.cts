import type { Document, Node } from '@xmldom/xmldom' with { 'resolution-mode': 'import' }

/** What is used of the package `xpath`. Its own declarations would bring the types of a browser into the whole program. */
declare const xpath: {
  /** @throws Error for an expression that is wrong */
  readonly select: (expression: string, document: Document) => Node[] | string | number | boolean
}
export = xpath
