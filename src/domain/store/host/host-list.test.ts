import assert from 'node:assert/strict'
import { access, mkdir, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { testStore } from '../../../../test/support/test-store.ts'
import { readHostList, writeHostList } from './host-list.ts'

test('readHostList() returns the stored names, sorted and each once', async () => {
  await using store = await testStore()
  assert.deepEqual(await readHostList(store.directories), [])
  await writeHostList(store.directories, ['web', 'db', 'web'])
  assert.deepEqual(await readHostList(store.directories), ['db', 'web'])
})

test('writeHostList() removes an empty list', async () => {
  await using store = await testStore()
  await writeHostList(store.directories, ['web'])
  await writeHostList(store.directories, [])
  const path = `${store.directories.stateDir}/host-saved.json`
  await assert.rejects(access(path), { code: 'ENOENT' })
})

test('readHostList() reads the plain array of earlier versions, and refuses other contents', async () => {
  await using store = await testStore()
  const { stateDir } = store.directories
  await mkdir(stateDir, { recursive: true })
  await writeFile(`${stateDir}/host-saved.json`, '["db", "web"]')
  assert.deepEqual(await readHostList(store.directories), ['db', 'web'])
  for (const [text, code] of [
    ['[1]', 'STATE_UNREADABLE'],
    ['{"version": 1}', 'STATE_UNREADABLE'],
    ['', 'STATE_UNREADABLE'],
    ['{"version": 2, "names": []}', 'STATE_TOO_NEW'],
  ] as const) {
    await writeFile(`${stateDir}/host-saved.json`, text)
    await assert.rejects(readHostList(store.directories), { code }, text)
  }
})
