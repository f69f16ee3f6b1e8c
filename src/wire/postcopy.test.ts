import assert from 'node:assert/strict'
import { test } from 'node:test'
import { postcopyStart } from './postcopy-commands.ts'
import { ReturnPathParser } from './return-path.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

test('postcopyStart() sends everything that QEMU needs, in its order', () => {
  const head = hex('5145564d 00000003')
  const bytes = postcopyStart(
    { head, ramSection: 2, sections: hex('04aa') },
    [{ name: 'r', length: 0x200000 }],
    new Map([['r', 0x200000]]),
  )
  const parts = [
    '5145564d 00000003',
    '08 0001 0000',
    '08 0003 0010 0000000000201000 0000000000001000',
    '01 00000002 03 72616d 00000000 00000004 0000000000200004',
    '01 72 0000000000200000 0000000000200000 0000000000000010 7e 00000002',
    '08 0006 0014 00 01 72 00 0000000000000000 0000000000200000',
    '08 0007 0004 0000000c',
    '08 0004 0000 04aa 08 0005 0000',
  ]
  assert.equal(Buffer.from(bytes).toString('hex'), hex(parts.join('')).toString('hex'))
})

test('ReturnPathParser returns messages however they are split', () => {
  const stream = hex(
    [
      '0003 000f 0000000000003000 00001000 02 7261',
      '0004 000c 0000000000005000 00001000',
      '0005 0003 02 7261 0000000000000008 0300000000000000 0123456789abcdef',
      '0006 0004 00000001',
      '0001 0004 00000000',
    ].join(''),
  )
  for (const step of [1, 7, stream.length]) {
    const parser = new ReturnPathParser()
    const found = []
    for (let at = 0; at < stream.length; at += step)
      found.push(...parser.feed(stream.subarray(at, at + step)))
    assert.deepEqual(found, [
      { type: 'request', block: 'ra', start: 0x3000, length: 0x1000 },
      { type: 'request', block: undefined, start: 0x5000, length: 0x1000 },
      { type: 'received', block: 'ra', bits: Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0) },
      { type: 'resumed' },
      { type: 'shut', value: 0 },
    ])
  }
})

for (const [what, bytes] of [
  ['an unknown type', '00aa 0000'],
  ['a request that is cut', '0003 0004 00000000'],
  ['a bitmap that is too long', '0005 0002 01 72 0000ffffffffffff'],
  ['a bitmap without its end', '0005 0002 01 72 0000000000000000 0000000000000000'],
] as const) {
  test(`ReturnPathParser refuses ${what}`, () => {
    assert.throws(() => new ReturnPathParser().feed(hex(bytes)), { name: 'WireError' })
  })
}
