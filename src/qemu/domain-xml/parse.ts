import { DOMParser, type Document } from '@xmldom/xmldom'
import { DomainXmlError } from '../../errors.ts'
import { attribute, child, text } from './access.ts'
import type { DomainDocument } from './document.ts'
import { invalid, recordSource } from './location.ts'
import { checkKnown } from './schema/check.ts'
import { domainRule } from './schema/domain.ts'
import { findExcess, MAX_DOMAIN_XML_BYTES } from './size-limits.ts'

/** Options for parsing a domain XML. */
export interface ParseOptions {
  /** The file that `text` came from, for error messages. */
  readonly path?: string | undefined
}

/**
 * Parses a libvirt domain XML (https://libvirt.org/formatdomain.html) into a tree. Keeps elements that this program does not know; `readDomain`
 * judges them.
 *
 * @throws DomainXmlError `XML_MALFORMED` when the text is not XML (with line and column), `XML_INVALID` when it is not a domain, lacks a name, memory
 * or OS type, or has an impossible value: the message contains the element's path and line.
 */
export function parseDomainXml(text: string, options: ParseOptions = {}): DomainDocument {
  const document = parseXml(text, options.path)
  const root = document.documentElement
  if (root === null) throw malformed('it has no element', options.path)
  if (root.nodeName !== 'domain') {
    throw invalid(root, `the root element is <${root.nodeName}>, not <domain>`)
  }
  checkKnown(root, domainRule)
  checkEssentials(root)
  return { document, root, path: options.path }
}

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
    const message =
      complaint?.message ?? firstLine(error instanceof Error ? error.message : String(error))
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

function checkEssentials(root: NonNullable<Document['documentElement']>): void {
  if (attribute(root, 'type') === undefined) throw invalid(root, 'the attribute "type" is missing')
  const name = child(root, 'name')
  if (name === undefined) throw invalid(root, 'the element <name> is missing')
  if (text(name) === '') throw invalid(name, 'the name is empty')
  if (/[/\n\0]/.test(text(name))) {
    throw invalid(name, 'a name must not contain a slash or a line break')
  }
  if (child(root, 'memory') === undefined && child(child(root, 'cpu'), 'numa') === undefined)
    throw invalid(root, 'the element <memory> is missing')
  const os = child(root, 'os')
  if (os === undefined) throw invalid(root, 'the element <os> is missing')
  if (child(os, 'type') === undefined) throw invalid(os, 'the element <type> is missing')
}

function position(text: string, offset: number): string {
  const before = text.slice(0, offset).split('\n')
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`
}

function firstLine(message: string): string {
  return (message.split('\n')[0] ?? message).replace(/^\[xmldom \w+\]\s*/, '').trim()
}

function malformed(
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
