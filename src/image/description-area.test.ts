import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildDescriptionArea, parseDescriptionArea } from './description-area.ts'
import { HEADER_LENGTH, type SaveImageHeader } from './header.ts'

const header = (cookieOffset: number): SaveImageHeader => ({
  complete: true,
  dataLength: 100,
  wasRunning: true,
  format: 'raw',
  cookieOffset,
})

const area = (text: string): Buffer => Buffer.from(text.padEnd(100, '\0'))

test('parseDescriptionArea() parses what buildDescriptionArea() wrote', () => {
  for (const cookie of ['<cookie>ü</cookie>', undefined]) {
    const built = buildDescriptionArea({ xml: '<domain>täst</domain>', cookie })
    assert.equal((HEADER_LENGTH + built.dataLength) % 65536, 0)
    assert.ok(built.dataLength >= 65536)
    assert.equal(built.bytes.length, built.dataLength)
    assert.deepEqual(
      parseDescriptionArea(built.bytes, header(built.cookieOffset), { path: 'image' }),
      {
        xml: '<domain>täst</domain>',
        cookie,
        wasRunning: true,
      },
    )
  }
})

test('buildDescriptionArea() refuses what no reader would accept', () => {
  const xml = ' '.repeat(64 * 1024 * 1024)
  assert.throws(() => buildDescriptionArea({ xml, cookie: undefined }), { code: 'BAD_ARGUMENT' })
  assert.throws(() => buildDescriptionArea({ xml: 'a\0b', cookie: undefined }), {
    code: 'INTERNAL',
  })
})

test('parseDescriptionArea() accepts a cookie that ends the area exactly', () => {
  const bytes = Buffer.from('<d/>\0<c/>\0')
  assert.equal(parseDescriptionArea(bytes, header(5), { path: 'image' }).cookie, '<c/>')
})

for (const [when, bytes, cookieOffset, offset] of [
  ['the XML has no end', Buffer.from('<domain/>'), 0, 92],
  ['there is no XML', area(''), 0, 92],
  ['the XML is no UTF-8', Buffer.from([0x3c, 0xff, 0x3e, 0]), 0, 92],
  ['the cookie begins inside the XML', area('<domain/>'), 9, 101],
  ['the cookie has no end', Buffer.from('<d/>\0<cookie/>'), 5, 97],
] as const) {
  test(`parseDescriptionArea() refuses with the offset when ${when}`, () => {
    assert.throws(() => parseDescriptionArea(bytes, header(cookieOffset), { path: 'image' }), {
      code: 'IMAGE_CORRUPT',
      path: 'image',
      offset,
    })
  })
}
