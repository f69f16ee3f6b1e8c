import assert from 'node:assert/strict'
import { closeSync, constants, openSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { allocateAligned } from '../memory/aligned-memory.ts'
import { QueuedReads } from './queued-reads.ts'

const LENGTH = 8192

/** Three pieces of `LENGTH` bytes and 100 more, opened past the page cache. */
async function withFile(act: (fd: number) => void): Promise<void> {
  await using dir = await tempDir()
  const path = dir.join('file')
  const bytes = Buffer.alloc(3 * LENGTH + 100)
  for (const piece of [0, 1, 2, 3]) bytes.fill(piece + 1, piece * LENGTH)
  writeFileSync(path, bytes)
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECT)
  try {
    act(fd)
  } finally {
    closeSync(fd)
  }
}

test('QueuedReads fills memory, whatever the order in which reads are awaited', () =>
  withFile((fd) => {
    using reads = QueuedReads.open(fd, 4)
    assert.ok(reads !== undefined)
    for (let round = 0; round < 3; round += 1) {
      const memory = allocateAligned(4 * LENGTH)
      const pieces = [0, 1, 2, 3].map((at) => memory.subarray(at * LENGTH, (at + 1) * LENGTH))
      const begun: readonly (number | undefined)[] = pieces.map((piece, at) =>
        reads.start(piece, at * LENGTH),
      )
      assert.equal(reads.start(memory, 0), undefined, 'a fifth read is one too many')
      for (const at of [2, 0, 3, 1]) {
        const found = at === 3 ? 100 : LENGTH
        assert.equal(reads.wait(begun[at] as number), found)
        assert.ok(pieces[at]?.subarray(0, found).every((byte) => byte === at + 1))
      }
    }
  }))

test('QueuedReads.wait() throws the error of a read', () =>
  withFile((fd) => {
    using reads = QueuedReads.open(fd, 4)
    const read = reads?.start(allocateAligned(LENGTH), 1)
    assert.ok(reads !== undefined && read !== undefined)
    assert.throws(() => reads.wait(read), { code: 'EINVAL' })
  }))

test('QueuedReads.start() starts nothing when the file is closed', () =>
  withFile(() => {
    using reads = QueuedReads.open(1_000_000, 4)
    assert.equal(reads?.start(allocateAligned(LENGTH), 0), undefined)
  }))

test('QueuedReads.open() returns nothing when the host permits no more', () => {
  assert.equal(QueuedReads.open(0, 2 ** 31), undefined)
})
