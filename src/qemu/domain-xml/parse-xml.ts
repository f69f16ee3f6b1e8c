import { DOMParser, type Document } from '@xmldom/xmldom'
import { DomainXmlError, messageOf } from '../../errors.ts'
import { recordSource } from './location.ts'
import { findExcess, MAX_DOMAIN_XML_BYTES } from './size-limits.ts'

/**
 * Parses any small XML text with the same guards: at most 16 MiB, no document type, no entities of its own.
 *
 * @throws DomainXmlError `XML_MALFORMED`
 */
export function parseXml(given: string, path?: string): Document {
  const text = given.replace(/^\ufeff/, '')
  if (Buffer.byteLength(text) > MAX_DOMAIN_XML_BYTES) {
    throw malformed(`it is larger than ${MAX_DOMAIN_XML_BYTES / 1024 / 1024} MiB`, path)
  }
  const doctype = text.indexOf('<!DOCTYPE')
  if (doctype >= 0) {
    throw malformed('a document type is not allowed in it', path, position(text, doctype))
  }
  const forbidden = findForbidden(text)
  if (forbidden >= 0) {
    throw malformed(
      'it contains a character that XML does not allow',
      path,
      position(text, forbidden),
    )
  }
  const excess = findExcess(text)
  if (excess >= 0) {
    throw malformed(
      'it has too many elements or nests them too deeply',
      path,
      position(text, excess),
    )
  }
  let complaint: { readonly message: string; readonly place: string } | undefined
  try {
    const parser = new DOMParser({
      onError: (_level, message, context) => {
        const { lineNumber, columnNumber } = (context as { locator?: Locator }).locator ?? {}
        const place = (lineNumber ?? 0) < 1 ? '' : `line ${lineNumber}, column ${columnNumber}`
        complaint ??= { message: firstLine(String(message)), place }
        throw new Error(String(message))
      },
    })
    const document = parser.parseFromString(text, 'text/xml')
    recordSource(document, path)
    return document
  } catch (error) {
    const message = complaint?.message ?? firstLine(messageOf(error))
    throw malformed(message, path, complaint?.place, error)
  }
}

/** Characters that a document must not contain, not even by number (XML 1.0, 2.2, `Char`); the parser lets them pass. */
// oxlint-disable-next-line eslint/no-control-regex
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Cs}/u
const NUMBERED = /&#(?:x(?<hex>[\da-f]+)|(?<decimal>\d+));/gi

/** The offset of the first character that XML does not allow; -1 when there is none. */
function findForbidden(text: string): number {
  const plain = text.search(FORBIDDEN)
  if (plain >= 0) return plain
  for (const { index, groups } of text.matchAll(NUMBERED)) {
    const { hex, decimal } = groups ?? {}
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)
    if (code > 0x10ffff || FORBIDDEN.test(String.fromCodePoint(code))) return index
  }
  return -1
}

interface Locator {
  readonly lineNumber?: number
  readonly columnNumber?: number
}

function position(text: string, offset: number): string {
  const before = text.slice(0, offset).split('\n')
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`
}

function firstLine(message: string): string {
  return (message.split('\n')[0] ?? message).replace(/^\[xmldom \w+\]\s*/, '').trim()
}

/** The error for a text that is not well-formed. */
export function malformed(
  what: string,
  path: string | undefined,
  where?: string,
  cause?: unknown,
): DomainXmlError {
  const at = where === undefined || where === '' ? '' : ` at ${where}`
  return new DomainXmlError('XML_MALFORMED', `The domain XML is malformed${at}: ${what}`, {
    operation: 'parse the domain XML',
    path,
    cause,
  })
}
