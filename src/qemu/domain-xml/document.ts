import type { Document, Element } from '@xmldom/xmldom'

/** A domain XML text as a tree that keeps order, comments and everything it does not understand. */
export interface DomainDocument {
  readonly document: Document
  /** The `<domain>` element. */
  readonly root: Element
  /** The file that the text came from, if it came from one. */
  readonly path: string | undefined
}
