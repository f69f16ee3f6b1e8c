import { DomainXmlError } from '../../errors.ts'

/**
 * The text of an XML file. Its encoding is found as in appendix F of XML 1.0: by its byte order mark, by the shape of its first two characters in
 * UTF-16, by its declaration, and is otherwise UTF-8.
 *
 * @throws DomainXmlError `XML_MALFORMED` for an unknown encoding, and for bytes that are not text in it: the message names the encoding
 */
export function decodeXml(bytes: Uint8Array, path?: string): string {
  const { encoding, source } = encodingOf(bytes)
  if (/^(iso[-_]?8859[-_]?1|latin-?1|l1)$/i.test(encoding)) {
    // WHATWG's decoder of that name is windows-1252.
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  }
  if (source === DECLARED && /^(utf-?(16|32)|ucs)/i.test(encoding)) {
    throw undecodable(`it declares ${encoding}, but is not text in it`, path, undefined)
  }
  let decoder: InstanceType<typeof TextDecoder>
  try {
    decoder = new TextDecoder(encoding, { fatal: true })
  } catch (cause) {
    throw undecodable(`it is in the encoding "${encoding}", which is not known`, path, cause)
  }
  try {
    return decoder.decode(bytes)
  } catch (cause) {
    throw undecodable(`it is not text in ${encoding}, ${source}`, path, cause)
  }
}

const DECLARED = 'the encoding that it declares'

function encodingOf(bytes: Uint8Array): { readonly encoding: string; readonly source: string } {
  const [a = 0, b = 0, c = 0, d = 0] = bytes
  const mark = 'the encoding of its byte order mark'
  if (a === 0xef && b === 0xbb && c === 0xbf) return { encoding: 'UTF-8', source: mark }
  if (a === 0xff && b === 0xfe) return { encoding: 'UTF-16LE', source: mark }
  if (a === 0xfe && b === 0xff) return { encoding: 'UTF-16BE', source: mark }
  const shape = 'the encoding of its first characters'
  if (a === 0x3c && b === 0 && c !== 0 && d === 0) return { encoding: 'UTF-16LE', source: shape }
  if (a === 0 && b === 0x3c && c === 0 && d !== 0) return { encoding: 'UTF-16BE', source: shape }
  const start = Buffer.from(bytes.subarray(0, 256)).toString('latin1')
  const declared = /^<\?xml\s[^>]*?encoding\s*=\s*["']([\w.:-]+)["']/.exec(start)?.[1]
  if (declared !== undefined) return { encoding: declared, source: DECLARED }
  return { encoding: 'UTF-8', source: 'the encoding of XML that declares none' }
}

function undecodable(what: string, path: string | undefined, cause: unknown): DomainXmlError {
  return new DomainXmlError('XML_MALFORMED', `The domain XML is malformed: ${what}`, {
    operation: 'parse the domain XML',
    path,
    hint: 'Convert the file to UTF-8, or declare its encoding: <?xml version="1.0" encoding="…"?>',
    cause,
  })
}
