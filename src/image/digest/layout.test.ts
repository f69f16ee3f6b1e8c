import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { crc32c } from '../../io/crc32c.ts'
import { DirectFile } from '../../io/files/direct-file.ts'
import { badChunks } from './check-chunks.ts'
import { ChunkCrcs } from './chunk-crcs.ts'
import { CHUNK_LENGTH, parseDigest, serialiseDigest } from './layout.ts'

const IMAGE_ID = '00112233445566778899aabbccddeeff'

test('parseDigest() reads what serialiseDigest() wrote, and refuses it with any bit flipped', () => {
  const digest = {
    imageId: IMAGE_ID,
    format: 6,
    fileLength: 3 * CHUNK_LENGTH + 5,
    bodyOffset: CHUNK_LENGTH,
    crcs: Uint32Array.of(1, 2, 3),
  }
  const bytes = serialiseDigest(digest)
  assert.deepEqual(parseDigest(bytes), digest)
  for (let at = 0; at < bytes.length; at += 1) {
    const damaged = Uint8Array.from(bytes)
    damaged[at] = (damaged[at] ?? 0) ^ 4
    assert.equal(parseDigest(damaged), undefined, `byte ${at}`)
  }
  assert.equal(parseDigest(bytes.subarray(0, 40)), undefined)
  assert.equal(parseDigest(serialiseDigest({ ...digest, fileLength: 9 * CHUNK_LENGTH })), undefined)
})

test('ChunkCrcs computes the same whatever the order and the size of the writes', async () => {
  const fileLength = 5 * CHUNK_LENGTH + 1000
  const content = Buffer.alloc(fileLength)
  // Chunk 3 is a hole.
  for (let at = 0; at < fileLength; at += 1)
    if (Math.floor(at / CHUNK_LENGTH) !== 3) content[at] = (at * 7 + (at >> 9)) & 0xff
  for (const bodyOffset of [CHUNK_LENGTH, 12_345]) {
    const expected: number[] = []
    for (let at = bodyOffset; at < fileLength;) {
      const end = Math.min(fileLength, (Math.floor(at / CHUNK_LENGTH) + 1) * CHUNK_LENGTH)
      expected.push(crc32c(content.subarray(at, end)))
      at = end
    }
    for (const pieces of [[65536 * 2], [4096, 12288, 100], [fileLength]]) {
      await using dir = await tempDir()
      await using file = await DirectFile.open(dir.join('file'), 'create', { direct: false })
      const crcs = new ChunkCrcs()
      file.observeWrites(crcs.observe)
      for (let at = 0, turn = 0; at < fileLength; turn += 1) {
        const end = Math.min(fileLength, at + (pieces[turn % pieces.length] ?? 1))
        const part = content.subarray(at, end)
        if (part.some((byte) => byte !== 0)) await file.write(part, at)
        at = end
      }
      await file.truncate(fileLength)
      const found = await crcs.complete(file, bodyOffset, fileLength)
      assert.deepEqual([...found], expected, `${bodyOffset}, ${pieces.join()}`)
      const digest = { imageId: IMAGE_ID, format: 0, fileLength, bodyOffset, crcs: found }
      assert.deepEqual(badChunks(digest, content.subarray(bodyOffset), bodyOffset), [])
      const changed = Buffer.from(content)
      changed.writeUInt8(changed.readUInt8(2 * CHUNK_LENGTH + 9) ^ 1, 2 * CHUNK_LENGTH + 9)
      const bad = [{ offset: 2 * CHUNK_LENGTH, length: CHUNK_LENGTH }]
      assert.deepEqual(badChunks(digest, changed.subarray(bodyOffset), bodyOffset), bad)
    }
  }
})
