import { UsageError } from '../../errors.ts'
import { kindOf } from '../../io/given-path.ts'

/** A domain XML and the file that it came from, for messages. */
export interface XmlText {
  readonly text: string
  readonly path?: string | undefined
}

/** A domain XML as a caller gives it: the text alone, or with its file. */
export type DomainXml = string | XmlText

/** Normalises it to one shape. @throws UsageError BAD_ARGUMENT when there is no text */
export function givenXml(xml: DomainXml): XmlText {
  const source: XmlText | null = typeof xml === 'string' ? { text: xml } : xml
  if (typeof source?.text === 'string') return source
  throw new UsageError(
    'BAD_ARGUMENT',
    `The domain XML must be a string, or an object whose text is a string, not ${kindOf(xml)}`,
  )
}
