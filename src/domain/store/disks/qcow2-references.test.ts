import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { tempDir } from '../../../../test/support/temp-dir.ts'
import { contentSample } from './content-sample.ts'
import { qcow2References } from './qcow2-references.ts'

/** The first 512 bytes of a qcow2 image of version 3 whose backing file has this name at this offset, and whose data file has the other. */
function header(backing: string, offset: bigint, dataFile: string): Buffer {
  const head = Buffer.alloc(512)
  head.writeUInt32BE(0x514649fb)
  head.writeUInt32BE(3, 4)
  head.writeBigUInt64BE(offset, 8)
  head.writeUInt32BE(backing.length, 16)
  head.writeBigUInt64BE(2n ** 52n, 40)
  head.writeUInt32BE(104, 100)
  head.writeUInt32BE(0x44415441, 104)
  head.writeUInt32BE(dataFile.length, 108)
  head.write(dataFile, 112)
  if (offset < 512n) head.write(backing, Number(offset))
  return head
}

test('qcow2References() returns names as QEMU takes them, up to their first NUL', async () => {
  await using dir = await tempDir()
  const path = dir.join('disk')
  await writeFile(path, header('/etc/shadow\0/../../srv/a', 400n, '/etc/b\0/../srv/b'))
  assert.deepEqual(await qcow2References(path), {
    backing: '/etc/shadow',
    backingFormat: undefined,
    dataFile: '/etc/b',
  })
})

test('qcow2References() and contentSample() do not read where the file ends', async () => {
  await using dir = await tempDir()
  const path = dir.join('disk')
  await writeFile(path, header('a', 2n ** 53n - 1n, 'b'))
  assert.equal((await qcow2References(path))?.backing, undefined)
  assert.match((await contentSample(path)) ?? '', /^[0-9a-f]{32}$/)
})
