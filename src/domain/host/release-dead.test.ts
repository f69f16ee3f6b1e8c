import assert from 'node:assert/strict'
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { testStore } from '../../../test/support/test-store.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { readOwner } from '../ownership/owner.ts'
import { recordSharing } from '../ownership/state-host.ts'
import { releaseDead } from './release-dead.ts'

test('releaseDead() releases the domains of an earlier boot of this host, and no others', async () => {
  await using store = await testStore()
  const { directories } = store
  await recordSharing(directories, 'yes')
  for (const name of ['before', 'other', 'now']) {
    await store.define(name)
    const record = await store.run(name)
    await (await HeldDomain.named(name, 'start', directories))[Symbol.asyncDispose]()
    if (name === 'before') await store.kill(record)
  }
  const change = async (name: string, from: RegExp, to: string): Promise<void> => {
    const directory = join(directories.stateDir, 'owners', name)
    for (const file of await readdir(directory)) {
      const path = join(directory, file)
      await writeFile(path, (await readFile(path, 'utf8')).replace(from, to))
    }
  }
  await change('before', /"bootId": "[^"]*"/, '"bootId": "earlier"')
  await change('other', /"hostId": "[^"]*"/, '"hostId": "another"')
  const runtime = store.paths('before').process
  await writeFile(
    runtime,
    (await readFile(runtime, 'utf8')).replace(/"bootId": "[^"]*"/, '"bootId": "earlier"'),
  )
  await releaseDead(directories, {})
  const runners = await Promise.all(
    ['before', 'other', 'now'].map(async (name) => (await readOwner(directories, name)).runner),
  )
  assert.deepEqual(
    runners.map((runner) => runner !== undefined),
    [false, true, true],
  )
})
