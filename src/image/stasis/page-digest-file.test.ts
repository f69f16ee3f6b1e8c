import assert from 'node:assert/strict'
import { truncate } from 'node:fs/promises'
import { test } from 'node:test'
import { testPages } from '../../../test/support/stasis-image.ts'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { pageDigestPath, readPageDigests, writePageDigests } from './page-digest-file.ts'
import { PageDigests } from './page-digests.ts'

const BLOCKS = [
  { name: 'rom', length: 4096 },
  { name: 'ram', length: 4 * 4096 },
]

test('digests are the same after they were written, and a damaged file has none', async () => {
  await using dir = await tempDir()
  const image = dir.join('image')
  const imageId = '0123456789abcdef'.repeat(2)
  const digests = new PageDigests(BLOCKS)
  digests.compute(1, 2, testPages(1, 1))
  await writePageDigests(image, { imageId, digests })
  assert.deepEqual(await readPageDigests(image), { imageId, digests })
  await truncate(pageDigestPath(image), 100)
  assert.equal(await readPageDigests(image), undefined)
  assert.equal(await readPageDigests(dir.join('none')), undefined)
})

test('isAsIn() compares pages of blocks with one name and length', () => {
  const one = new PageDigests(BLOCKS)
  const other = new PageDigests(BLOCKS.toReversed())
  one.compute(1, 2, testPages(1, 1))
  other.compute(0, 2, testPages(1, 1))
  assert.equal(one.isAsIn(other, 1, 2), true)
  assert.equal(one.isAsIn(other, 1, 1), false, 'neither has a digest')
  other.compute(0, 2, testPages(2, 1))
  assert.equal(one.isAsIn(other, 1, 2), false)
  assert.equal(one.isAsIn(new PageDigests([{ name: 'ram', length: 8 * 4096 }]), 1, 2), false)
  assert.equal(one.take(other, 1, 1), false)
  assert.equal(one.take(other, 1, 2) && one.isAsIn(other, 1, 2), true)
})
