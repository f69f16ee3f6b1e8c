import assert from 'node:assert/strict'
import { mkdir, unlink, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { testStore, writeRawImage } from '../../../test/support/test-store.ts'
import { readLastEnd, recordEnd, removeLastEnd, whereSaved } from './last-end.ts'

test('readLastEnd() returns the last recorded end, and nothing after removeLastEnd()', async () => {
  await using store = await testStore()
  const paths = store.paths('web')
  assert.equal(await readLastEnd(paths), undefined)
  await recordEnd(paths, 'shutdown')
  await recordEnd(paths, 'crashed', { lastLines: 'out of memory' })
  const { time, ...end } = (await readLastEnd(paths)) ?? { time: '' }
  assert.deepEqual(end, { reason: 'crashed', lastLines: 'out of memory' })
  assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000)
  await removeLastEnd(paths)
  assert.equal(await readLastEnd(paths), undefined)
})

test('recordEnd() never throws', async () => {
  await using store = await testStore()
  await writeFile(store.join('state'), 'not a directory')
  await recordEnd(store.paths('web'), 'shutdown')
})

test('readLastEnd() throws STATE_UNREADABLE for a damaged record', async () => {
  await using store = await testStore()
  const paths = store.paths('web')
  await mkdir(dirname(paths.lastEnd), { recursive: true })
  await writeFile(paths.lastEnd, '{"reason": "saved", "time": 3}')
  await assert.rejects(readLastEnd(paths), { code: 'STATE_UNREADABLE', path: paths.lastEnd })
})

test('whereSaved() names the image as long as it exists, and no managed save', async () => {
  await using store = await testStore()
  const paths = store.paths('web')
  const image = store.join('web.save')
  await writeRawImage(image)
  assert.equal(await whereSaved(paths, await readLastEnd(paths)), undefined)
  await recordEnd(paths, 'saved', { image })
  assert.match((await whereSaved(paths, await readLastEnd(paths))) ?? '', new RegExp(image))
  await unlink(image)
  assert.equal(await whereSaved(paths, await readLastEnd(paths)), undefined)
  await mkdir(dirname(paths.managedSave), { recursive: true })
  await writeRawImage(paths.managedSave)
  await recordEnd(paths, 'saved', { image: paths.managedSave })
  assert.equal(await whereSaved(paths, await readLastEnd(paths)), undefined)
})
