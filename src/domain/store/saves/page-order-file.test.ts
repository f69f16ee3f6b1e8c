import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { tempDir } from '../../../../test/support/temp-dir.ts'
import { orderPath, readOrder, removeFormerOrder, writeOrder } from './page-order-file.ts'

const BLOCKS = [{ name: 'pc.ram', length: 64 * 4096, linearOffset: undefined }]
const RANGES = [{ block: 0, firstPage: 7, pageCount: 2 }]

test('readOrder() returns the stored order, for the same machine only', async () => {
  await using dir = await tempDir()
  const path = orderPath({ stateDir: dir.join('state') }, '/a.save')
  assert.deepEqual(await readOrder(path, 'm', BLOCKS), [])
  assert.equal(await writeOrder(path, 'm', BLOCKS, RANGES), undefined)
  assert.deepEqual(await readOrder(path, 'm', BLOCKS), RANGES)
  assert.deepEqual(await readOrder(path, 'other', BLOCKS), [])
})

test('writeOrder() returns the reason when it cannot write', async () => {
  await using dir = await tempDir()
  await writeFile(dir.join('file'), '')
  const reason = await writeOrder(dir.join('file/a.order'), 'm', BLOCKS, RANGES)
  assert.match(reason ?? '', /could not record the order of pages/)
})

test('writeOrder() keeps the latest orders only', async () => {
  await using dir = await tempDir()
  const directories = { stateDir: dir.path }
  for (let count = 0; count < 203; count += 1)
    await writeOrder(orderPath(directories, `/${count}`), 'm', BLOCKS, RANGES)
  assert.equal((await readdir(dir.join('orders'))).length, 200)
  assert.deepEqual(await readOrder(orderPath(directories, '/202'), 'm', BLOCKS), RANGES)
})

test('removeFormerOrder() removes the order beside an image, and no other file', async () => {
  await using dir = await tempDir()
  await writeOrder(dir.join('a.save.order'), 'm', BLOCKS, RANGES)
  await writeFile(dir.join('b.save.order'), 'mine')
  for (const image of ['a.save', 'b.save', 'none']) await removeFormerOrder(dir.join(image))
  assert.deepEqual(await readdir(dir.path), ['b.save.order'])
})
