import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { tempDir } from '../../../test/support/temp-dir.ts'
import {
  type RecordKind,
  fieldsOf,
  readCacheFile,
  readRecordFile,
  replaceRecordFile,
  writeRecordFile,
} from './record-file.ts'

interface Count {
  readonly count: number
}

/** Version 1 called it `number`, version 0 was the plain number. */
const COUNT: RecordKind<Count> = {
  what: 'a count',
  version: 2,
  hint: 'Count again',
  parse(value, version) {
    const fields = fieldsOf(value)
    const count = version === 0 ? value : version === 1 ? fields?.['number'] : fields?.['count']
    return typeof count === 'number' ? { count } : undefined
  },
}

test('a record is written with its version, and older versions are read', async () => {
  await using dir = await tempDir()
  const path = dir.join('count.json')
  assert.equal(await readRecordFile(COUNT, path), undefined)
  await writeRecordFile(COUNT, path, { count: 7 }, { durable: true })
  assert.deepEqual(JSON.parse(await readFile(path, 'utf8')), { version: 2, count: 7 })
  assert.deepEqual(await readRecordFile(COUNT, path), { count: 7 })
  await writeFile(path, '{ "version": 1, "number": 8 }')
  assert.deepEqual(await readRecordFile(COUNT, path), { count: 8 })
  await writeFile(path, '9')
  assert.deepEqual(await readRecordFile(COUNT, path), { count: 9 })
})

test('a record that cannot be read is an error that names the file, in a cache it is none', async () => {
  await using dir = await tempDir()
  const path = dir.join('count.json')
  const unreadable = ['', '{', '[]', '{ "count": 7 }', '{ "version": 2, "count": "7" }']
  for (const text of [...unreadable, '{ "version": -1, "count": 7 }', '{ "version": "2" }']) {
    await writeFile(path, text)
    const facts = { code: 'STATE_UNREADABLE', path, hint: 'Count again' }
    await assert.rejects(readRecordFile(COUNT, path), facts, text)
    assert.equal(await readCacheFile(COUNT, path), undefined)
  }
  await writeFile(path, '{ "version": 3, "count": 7 }')
  await assert.rejects(readRecordFile(COUNT, path), { code: 'STATE_TOO_NEW', path })
})

test('replaceRecordFile() replaces only the record that is meant', async () => {
  await using dir = await tempDir()
  const path = dir.join('count.json')
  const replace = (count: number): Promise<boolean> =>
    replaceRecordFile(COUNT, path, { count }, (before) => before.count === count - 1)
  assert.equal(await replace(1), false)
  await writeRecordFile(COUNT, path, { count: 0 }, { durable: false })
  assert.equal(await replace(2), false)
  assert.equal(await replace(1), true)
  assert.deepEqual(await readRecordFile(COUNT, path), { count: 1 })
  await writeFile(path, '{')
  await assert.rejects(replace(2), { code: 'STATE_UNREADABLE' })
  assert.equal(await readFile(path, 'utf8'), '{')
})
