import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeXml } from './encoding.ts'
import { parseDomainXml } from './parse.ts'
import { formatDomainXml } from './format.ts'

const XML = '<a>Büro für Zoë</a>'

/** UTF-16 with its high byte first. */
function bigEndian(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16()
}

test('decodeXml() finds the encoding by mark, shape and declaration', () => {
  const declared = (encoding: string): string =>
    `<?xml version="1.0" encoding="${encoding}"?>${XML}`
  assert.equal(decodeXml(Buffer.from(XML)), XML)
  assert.equal(decodeXml(Buffer.from(`\ufeff${XML}`)), XML)
  for (const bytes of [
    Buffer.from(`\ufeff${declared('UTF-16')}`, 'utf16le'),
    bigEndian(`\ufeff${declared('UTF-16')}`),
    Buffer.from(declared('UTF-16LE'), 'utf16le'),
    bigEndian(declared('UTF-16BE')),
    Buffer.from(declared('ISO-8859-1'), 'latin1'),
    Buffer.from(declared('latin1').replaceAll('"', "'"), 'latin1'),
    Buffer.from(declared('windows-1252'), 'latin1'),
    Buffer.from(declared('utf-8')),
  ]) {
    assert.match(decodeXml(bytes), /<a>Büro für Zoë<\/a>$/)
  }
})

test('decodeXml() names the encoding when the bytes are not text in it', () => {
  const code = 'XML_MALFORMED'
  const latin = Buffer.from(XML, 'latin1')
  assert.throws(() => decodeXml(latin, '/x'), { code, path: '/x', message: /not text in UTF-8/ })
  const wrong = Buffer.from(`<?xml version="1.0" encoding="UTF-16"?>${XML}`)
  assert.throws(() => decodeXml(wrong), { code, message: /declares UTF-16, but is not/ })
  const unknown = Buffer.from(`<?xml version="1.0" encoding="martian"?>${XML}`)
  assert.throws(() => decodeXml(unknown), { code, message: /"martian", which is not known/ })
  const odd = Buffer.from([0xff, 0xfe, 0x3c, 0x00, 0x61])
  assert.throws(() => decodeXml(odd), { code, message: /UTF-16LE/ })
})

test('parseDomainXml() reads text with a byte order mark, comments, CDATA and processing instructions in odd places', () => {
  const text =
    "\ufeff<?xml version='1.0'?>\n<!-- a --><?p q?>\n<domain type='qemu'><!-- b --><name>c<!-- d -->d<![CDATA[e]]></name>" +
    "<memory unit='<!-- no -->'.>1</memory><os><type>hvm</type></os></domain>"
  assert.throws(() => parseDomainXml(text), { code: 'XML_MALFORMED' })
  const good = text.replace(" unit='<!-- no -->'.", '')
  const formatted = formatDomainXml(parseDomainXml(good))
  assert.match(formatted, /^<domain type='qemu'>\n/)
  assert.match(formatted, /<!-- b -->/)
})
