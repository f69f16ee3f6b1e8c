import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import {
  isDefined,
  listDefinitions,
  readDefinition,
  removeDefinition,
  renameDefinition,
  writeDefinition,
} from './definitions.ts'
import type { Directories } from './directories.ts'

let directories: Directories

before(async () => {
  const base = await mkdtemp(join(tmpdir(), 'stasis-definitions-'))
  directories = { stateDir: base, runtimeDir: join(base, 'run') }
})
after(() => rm(directories.stateDir, { recursive: true }))

test('listDefinitions() returns an empty list when there is no state directory yet', async () => {
  assert.deepEqual(await listDefinitions({ ...directories, stateDir: '/nonexistent' }), [])
})

test('writeDefinition() stores and replaces, removeDefinition() removes', async () => {
  await writeDefinition(directories, 'web', '<domain/>\n')
  await writeDefinition(directories, 'db', '<domain/>\n')
  await writeDefinition(directories, 'web', '<domain type="qemu"/>\n')
  assert.deepEqual(await listDefinitions(directories), ['db', 'web'])
  assert.equal(await readDefinition(directories, 'web'), '<domain type="qemu"/>\n')
  const folder = join(directories.stateDir, 'domains')
  assert.deepEqual((await readdir(folder)).toSorted(), ['db.xml', 'web.xml'])
  assert.equal((await stat(join(folder, 'web.xml'))).mode & 0o777, 0o600)
  assert.ok(await isDefined(directories, 'web'))
  await removeDefinition(directories, 'web')
  assert.equal(await readDefinition(directories, 'web'), undefined)
  assert.ok(!(await isDefined(directories, 'web')))
})

test('readDefinition() gives the name of the file when a rename was cut off', async () => {
  const xml = '<domain><metadata><name>old</name></metadata><name>old</name></domain>'
  await writeDefinition(directories, 'old', xml)
  await renameDefinition(directories, 'old', 'new')
  assert.equal(await readDefinition(directories, 'old'), undefined)
  assert.equal(
    await readDefinition(directories, 'new'),
    '<domain><metadata><name>old</name></metadata><name>new</name></domain>',
  )
  await removeDefinition(directories, 'new')
})

test('readDefinition() refuses a name that leads out of the directory', async () => {
  await assert.rejects(readDefinition(directories, '../web'), { code: 'BAD_ARGUMENT' })
})
