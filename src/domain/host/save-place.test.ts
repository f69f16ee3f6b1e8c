import assert from 'node:assert/strict'
import { mkdir, readFile, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { testStore } from '../../../test/support/test-store.ts'
import { STORAGE } from '../doctor/checks/storage.ts'
import { recordSavePlace, recordSharing } from '../ownership/state-host.ts'
import type { Directories } from '../store/directories.ts'
import { DomainLock } from '../store/lock.ts'
import { hasManagedImage, hasSafetyCopy, ifSavesAreThere } from '../store/saves/managed-image.ts'
import { moveSaveFiles } from '../store/saves/move-saves.ts'
import { runtimePaths } from '../store/runtime-paths.ts'
import { directoryOfSaves, readSavePlace, requireSaves } from '../store/saves/save-directory.ts'
import { keepSavesIn } from './save-place.ts'
import { shareState } from './share-state.ts'

const MISSING = { code: 'STATE_MISSING' }

/** A shared directory with two saves, and two directories for them. */
async function begin() {
  const store = await testStore()
  const { stateDir } = store.directories
  const directories = { stateDir, runtimeDir: store.join('run of this host') }
  await recordSharing(directories, 'yes')
  await mkdir(join(stateDir, 'save'), { mode: 0o700 })
  for (const name of ['a.save', 'b.save']) await writeFile(join(stateDir, 'save', name), name)
  const places = [store.join('first'), store.join('second')] as const
  for (const place of places) await mkdir(place, { mode: 0o700 })
  return { directories, places, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() }
}

async function names({ stateDir }: Directories): Promise<readonly string[]> {
  return (await readdir(join(stateDir, 'save'))).toSorted()
}

test('keepSavesIn() lets no command look for a managed save until an interrupted move is complete', async () => {
  await using it = await begin()
  const { directories, places } = it
  const to = { directory: places[0], id: 'ab12', moving: true }
  await mkdir(directoryOfSaves(to), { mode: 0o700 })
  await recordSavePlace(directories, to)
  await assert.rejects(
    moveSaveFiles(directories, to, {
      onFile: () => {
        throw new Error('killed')
      },
    }),
    /killed/,
  )
  await assert.rejects(requireSaves(directories), MISSING)
  await assert.rejects(hasManagedImage(runtimePaths(directories, 'a')), MISSING)
  // Where the new storage is away, nothing is made in its place.
  await rename(places[0], `${places[0]}.away`)
  await assert.rejects(shareState(directories), MISSING)
  await rename(`${places[0]}.away`, places[0])
  assert.equal((await shareState(directories)).saveDirectory, places[0])
  await requireSaves(directories)
  assert.deepEqual(await names(directories), ['a.save', 'b.save'])
  assert.deepEqual(await readSavePlace(directories), { directory: places[0], id: 'ab12' })
})

test('keepSavesIn() moves nothing while a command changes a domain', async () => {
  await using it = await begin()
  const { directories, places } = it
  const record = join(directories.stateDir, 'host.json')
  const before = await readFile(record, 'utf8')
  const paths = runtimePaths(directories, 'busy')
  await using _lock = await DomainLock.acquire('busy', paths, 'managedsave')
  await assert.rejects(keepSavesIn(directories, places[0], undefined), { code: 'DOMAIN_BUSY' })
  assert.equal(await readFile(record, 'utf8'), before)
  assert.deepEqual(await readdir(places[0]), [])
})

test('keepSavesIn() moves the saves to one of two places at once', async () => {
  await using it = await begin()
  const { directories, places } = it
  const other = { ...directories, runtimeDir: `${directories.runtimeDir} 2` }
  const ends = await Promise.allSettled([
    keepSavesIn(directories, places[0], undefined),
    keepSavesIn(other, places[1], undefined),
  ])
  assert.ok(ends.some(({ status }) => status === 'fulfilled'))
  await requireSaves(directories)
  assert.deepEqual(await names(directories), ['a.save', 'b.save'])
  const held = await Promise.all(places.map((place) => readdir(place, { recursive: true })))
  assert.equal(held.flat().filter((name) => name.endsWith('.save')).length, 2)
})

test('keepSavesIn() refuses a directory of Stasis, one that others can write to, and a missing one', async () => {
  await using it = await begin()
  const { directories, places } = it
  const inside = join(directories.stateDir, 'save')
  const refused = (place: string, code: string): Promise<void> =>
    assert.rejects(keepSavesIn(directories, place, undefined), { code })
  await refused(inside, 'BAD_ARGUMENT')
  await refused(`${places[0]}/none`, 'FILE_NOT_FOUND')
  await symlink(places[0], `${places[0]} link`)
  await refused(`${places[0]} link`, 'UNSAFE_DIRECTORY')
  assert.equal(await readSavePlace(directories), undefined)
})

test('requireSaves() refuses a link that leads nowhere or elsewhere, whoever made it', async () => {
  await using it = await begin()
  const { directories, places } = it
  const paths = runtimePaths(directories, 'none')
  const link = join(directories.stateDir, 'save')
  assert.equal(await hasManagedImage(paths), false)
  await keepSavesIn(directories, places[0], undefined)
  assert.equal(await hasManagedImage(paths), false)
  assert.equal(await hasManagedImage(runtimePaths(directories, 'a')), true)
  await rm(link)
  await mkdir(link)
  await assert.rejects(hasManagedImage(paths), MISSING)
  await assert.rejects(hasSafetyCopy(paths), MISSING)
  assert.equal(await ifSavesAreThere(() => hasManagedImage(paths)), undefined)
  const host = { directories, root: false, user: undefined }
  const [finding] = await STORAGE.look(host)
  assert.deepEqual([finding?.verdict, finding?.cause?.code], ['error', 'STATE_MISSING'])
  await rm(link, { recursive: true })
  await recordSavePlace(directories, undefined)
  assert.equal(await hasManagedImage(paths), false)
  await symlink(`${places[1]}/none`, link)
  await assert.rejects(hasManagedImage(paths), MISSING)
})
