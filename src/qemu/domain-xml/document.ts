import type { Document, Element } from '@xmldom/xmldom'

/** A domain XML text as a tree with its order, comments and unknown parts preserved. */
export interface DomainDocument {
  readonly document: Document
  /** The `<domain>` element. */
  readonly root: Element
  /** The file that the text came from, if any. */
  readonly path: string | undefined
}
