import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { readOrder, writeOrder } from './page-order-file.ts'

const BLOCKS = [{ name: 'pc.ram', length: 64 * 4096, linearOffset: undefined }]
const RANGES = [{ block: 0, firstPage: 7, pageCount: 2 }]

test('readOrder() returns the stored order, for the same machine only', async () => {
  await using dir = await tempDir()
  const image = dir.join('a.save')
  assert.deepEqual(await readOrder(image, 'm', BLOCKS), [])
  assert.equal(await writeOrder(image, 'm', BLOCKS, RANGES), undefined)
  assert.deepEqual(await readOrder(image, 'm', BLOCKS), RANGES)
  assert.deepEqual(await readOrder(image, 'other', BLOCKS), [])
})

test('writeOrder() returns the reason when it cannot write', async () => {
  const reason = await writeOrder('/proc/nonexistent/a.save', 'm', BLOCKS, RANGES)
  assert.match(reason ?? '', /could not record the order of pages/)
})
