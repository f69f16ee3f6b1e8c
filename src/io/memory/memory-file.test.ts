import assert from 'node:assert/strict'
import { fstatSync, readFileSync, readlinkSync, writeSync } from 'node:fs'
import { test } from 'node:test'
import { MemoryFile, isMemoryFile } from './memory-file.ts'

const MIB = 1024 * 1024

const permitted = process.getuid?.() === 0 ? false : 'needs CAP_SYS_ADMIN'

/** Bytes of memory that the file takes. */
const taken = (file: MemoryFile): number => fstatSync(file.fd).blocks * 512

for (const huge of [false, true]) {
  test(`MemoryFile keeps what is written, and is recognised by its name (huge: ${huge})`, async () => {
    using file = new MemoryFile('ram', 8 * MIB, { huge })
    await file.write([Buffer.alloc(MIB, 1), Buffer.alloc(MIB, 2)], 3 * MIB)
    assert.equal(fstatSync(file.fd).size, 8 * MIB)
    const content = readFileSync(`/proc/self/fd/${file.fd}`)
    const expected = Buffer.concat(
      [0, 1, 2, 0].map((byte, at) => {
        return Buffer.alloc([3, 1, 1, 3][at]! * MIB, byte)
      }),
    )
    assert.ok(content.equals(expected))
    assert.equal(isMemoryFile(readlinkSync(`/proc/self/fd/${file.fd}`)), true)
  })
}

test('MemoryFile has huge pages only on request', { skip: permitted }, () => {
  using small = new MemoryFile('ram', 8 * MIB)
  using huge = new MemoryFile('ram', 8 * MIB, { huge: true })
  // The kernel may be out of huge pages for one of them, hardly for all.
  for (const { fd } of [small, huge])
    for (let at = 0; at < 8; at += 2) writeSync(fd, Buffer.alloc(4096, 1), 0, 4096, at * MIB)
  assert.equal(taken(small), 4 * 4096)
  assert.ok(taken(huge) >= 2 * MIB, `${taken(huge)} bytes`)
})
