import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseBlocks } from './ram-blocks.ts'

const TITLE =
  '              Block Name    PSize              Offset               Used              Total                HVA  RO\r\n'

test('parseBlocks() reads the names, lengths and addresses of the blocks that QEMU migrates', () => {
  const text = `${TITLE}                  pc.ram    4 KiB  0x0000000000000000 0x0000000004000000 0x0000000004000000 0x00007f78e7e00000  rw\r
    /rom@etc/acpi/tables    4 KiB  0x0000000005100000 0x0000000000020000 0x0000000000200000 0x00007f7938800000  ro\r
                            4 KiB  0x0000000006100000 0x0000000000020000 0x0000000000200000 0x00007f7939800000  ro\r
`
  assert.deepEqual(parseBlocks(text), [
    { name: 'pc.ram', length: 0x4000000, address: 0x7f78e7e00000 },
    { name: '/rom@etc/acpi/tables', length: 0x20000, address: 0x7f7938800000 },
  ])
})

test('parseBlocks() knows nothing of a QEMU that does not tell the addresses', () => {
  const old =
    '    Block Name    PSize  Offset  Used  Total\r\n    pc.ram    4 KiB  0x0000000000000000 0x0000000004000000 0x0000000004000000\r\n'
  assert.equal(parseBlocks(old), undefined)
  assert.equal(parseBlocks(''), undefined)
  assert.equal(parseBlocks(TITLE), undefined)
})
