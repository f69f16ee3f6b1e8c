import assert from 'node:assert/strict'
import { open } from 'node:fs/promises'
import { test } from 'node:test'
import { testPages } from '../../test/support/stasis-image.ts'
import { tempDir } from '../../test/support/temp-dir.ts'
import { FrameTable } from '../image/stasis/frame-table.ts'
import { QueuedReads } from '../io/files/queued-reads.ts'
import { crc32c } from '../io/crc32c.ts'
import { PAGE_SIZE } from '../wire/page-size.ts'
import { FrameUnpacker, extentsOf, inFileOrder } from './frame-unpacker.ts'

const MIB = 2 ** 20

/** Frames of one page in a file, at these offsets; the last is cut off. */
async function withFrames(
  offsets: readonly number[],
  act: (frames: FrameTable, fd: number) => void,
): Promise<void> {
  await using dir = await tempDir()
  await using file = await open(dir.join('frames'), 'wx+')
  const frames = new FrameTable()
  for (const [page, offset] of offsets.entries()) {
    const bytes = testPages(page, 1)
    await file.write(bytes, 0, PAGE_SIZE, offset)
    frames.append({
      ...{ block: 0, firstPage: page, pageCount: 1, codec: 'none' },
      ...{ offset, storedLength: PAGE_SIZE, crc: crc32c(bytes) },
    })
  }
  await file.truncate(Math.max(...offsets) + 100)
  act(frames, file.fd)
}

test('FrameUnpacker.readAll() reads frames that are anywhere in the file', () =>
  withFrames([3 * MIB, 8192, 0, 3 * MIB + 8192, 9 * MIB], (frames, fd) => {
    const order = inFileOrder(frames, Uint32Array.of(0, 1, 2, 3, 4))
    assert.deepEqual([...order], [2, 1, 0, 3, 4])
    assert.deepEqual(extentsOf(frames, order), [
      { start: 0, end: 12288 },
      { start: 3 * MIB, end: 3 * MIB + 12288 },
      { start: 9 * MIB, end: 9 * MIB + PAGE_SIZE },
    ])
    const unpacker = new FrameUnpacker(fd)
    unpacker.readAll(frames, order)
    const target = new Uint8Array(PAGE_SIZE)
    for (const page of [0, 1, 2, 3])
      assert.deepEqual(unpacker.unpack(frames, page, target), new Uint8Array(testPages(page, 1)))
    assert.deepEqual(unpacker.unpack(frames, 4, target), { kind: 'truncated' })
    // A frame that was not read is not made of what is in memory.
    unpacker.readAll(frames, Uint32Array.of(1))
    assert.deepEqual(unpacker.unpack(frames, 0, target), { kind: 'truncated' })
  }))

test('FrameUnpacker.begin() and finish() read what readAll() reads', () =>
  withFrames([0, 8192, 3 * MIB, 9 * MIB], (frames, fd) => {
    using queue = QueuedReads.open(fd, 2)
    assert.ok(queue !== undefined)
    // The third read of each is one too many for the queue.
    const unpackers = [new FrameUnpacker(fd, queue), new FrameUnpacker(fd, queue)]
    for (const unpacker of unpackers) unpacker.begin(frames, Uint32Array.of(0, 1, 2, 3))
    for (const unpacker of unpackers) {
      unpacker.finish()
      const target = new Uint8Array(PAGE_SIZE)
      for (const page of [0, 1, 2])
        assert.deepEqual(unpacker.unpack(frames, page, target), new Uint8Array(testPages(page, 1)))
      assert.deepEqual(unpacker.unpack(frames, 3, target), { kind: 'truncated' })
    }
  }))
