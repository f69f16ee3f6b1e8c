import { UsageError } from '../../errors.ts'
import { decodeXml } from '../../qemu/domain-xml/encoding.ts'
import { kindOf } from '../../io/files/given-path.ts'

/** A domain XML and the file that it came from, for messages. */
export interface XmlText {
  readonly text: string
  readonly path?: string | undefined
}

/** A domain XML as a caller gives it: the text alone, its bytes in any encoding that XML may have, or the text with its file. */
export type DomainXml = string | Uint8Array | XmlText

/** Normalises it to one shape. @throws UsageError BAD_ARGUMENT when there is no text; DomainXmlError XML_MALFORMED for bytes that are not text */
export function givenXml(xml: DomainXml): XmlText {
  if (xml instanceof Uint8Array) return { text: decodeXml(xml) }
  const source: XmlText | null = typeof xml === 'string' ? { text: xml } : xml
  if (typeof source?.text === 'string') return source
  throw new UsageError(
    'BAD_ARGUMENT',
    `The domain XML must be a string, bytes, or an object whose text is a string, not ${kindOf(xml)}`,
  )
}
