import assert from 'node:assert/strict'
import {
  lstat,
  mkdir,
  readFile,
  readdir,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { type TempDir, tempDir } from '../../../../test/support/temp-dir.ts'
import { checkMovable, moveSaveFiles, saveFiles } from './move-saves.ts'
import { directoryOfSaves } from './save-directory.ts'

const FILES = { 'a.save': 'first', 'a.save.1': 'channel', 'b.copy': 'second', 'c.save': '' }

/** A state directory with saves, and a new place for them. On memory, if that is another file system, files are copied. */
async function begin(dir: TempDir, other: string) {
  const stateDir = dir.join('state')
  await mkdir(join(stateDir, 'save'), { recursive: true, mode: 0o700 })
  for (const [name, text] of Object.entries(FILES))
    await writeFile(join(stateDir, 'save', name), text)
  const to = { directory: other, id: 'ab12', moving: true }
  await mkdir(directoryOfSaves(to), { recursive: true, mode: 0o700 })
  return { directories: { stateDir }, to, save: join(stateDir, 'save') }
}

async function otherFileSystem(): Promise<string | undefined> {
  const [memory, here] = await Promise.all([stat('/dev/shm').catch(() => undefined), stat('/tmp')])
  return memory === undefined || memory.dev === here.dev
    ? undefined
    : `/dev/shm/stasis-move-${process.pid}`
}

async function contents(directory: string): Promise<Readonly<Record<string, string>>> {
  const names = await readdir(directory).catch(() => [])
  return Object.fromEntries(
    await Promise.all(
      names.map(async (name) => [name, await readFile(join(directory, name), 'utf8')]),
    ),
  )
}

for (const [kind, place] of [
  ['one file system', undefined],
  ['two file systems', await otherFileSystem()],
] as const) {
  const skip = kind === 'two file systems' && place === undefined
  test(
    `moveSaveFiles() loses and doubles nothing when it is interrupted at any file, on ${kind}`,
    { skip },
    async () => {
      for (let kill = 1; kill <= Object.keys(FILES).length; kill += 1) {
        await using dir = await tempDir()
        const other = place ?? dir.join('other')
        const { directories, to, save } = await begin(dir, other)
        let count = 0
        const onFile = (): void => {
          count += 1
          if (count === kill) throw new Error('killed')
        }
        await assert.rejects(moveSaveFiles(directories, to, { onFile }), /killed/)
        const [old, moved] = [await contents(save), await contents(directoryOfSaves(to))]
        assert.deepEqual({ ...old, ...moved }, FILES)
        assert.equal(Object.keys(moved).length, kill)
        assert.equal(Object.keys(old).length + kill, Object.keys(FILES).length)
        assert.deepEqual((await saveFiles(directories, to)).toSorted(), Object.keys(FILES))
        await moveSaveFiles(directories, to)
        assert.equal(await readlink(save), directoryOfSaves(to))
        assert.deepEqual(await contents(save), FILES)
        await moveSaveFiles(directories, to)
        assert.deepEqual(await contents(save), FILES)
        assert.deepEqual(await readdir(directories.stateDir), ['save'])
        await rm(other, { recursive: true })
      }
    },
  )
}

test('moveSaveFiles() continues where a file was copied and not removed, and where only the link was missing', async () => {
  await using dir = await tempDir()
  const { directories, to, save } = await begin(dir, dir.join('other'))
  const place = directoryOfSaves(to)
  await writeFile(join(place, 'a.save'), FILES['a.save'])
  await moveSaveFiles(directories, to)
  assert.deepEqual(await contents(place), FILES)
  await rm(save)
  await symlink('nowhere', join(directories.stateDir, '.save-ab12'))
  await moveSaveFiles(directories, to)
  assert.deepEqual(await contents(save), FILES)
})

test('moveSaveFiles() keeps both of two files with one name', async () => {
  await using dir = await tempDir()
  const { directories, to, save } = await begin(dir, dir.join('other'))
  await writeFile(join(directoryOfSaves(to), 'a.save'), 'another guest')
  await assert.rejects(moveSaveFiles(directories, to), { code: 'FILE_EXISTS' })
  assert.deepEqual(await contents(save), FILES)
})

test('moveSaveFiles() does not make its place where the storage is not mounted', async () => {
  await using dir = await tempDir()
  const { directories, to, save } = await begin(dir, dir.join('other'))
  await rm(directoryOfSaves(to), { recursive: true })
  await assert.rejects(moveSaveFiles(directories, to), { code: 'STATE_MISSING' })
  assert.deepEqual(await readdir(to.directory), [])
  assert.deepEqual(await contents(save), FILES)
})

test('moveSaveFiles() follows a link that a person has made, and leaves its directory', async () => {
  await using dir = await tempDir()
  const { directories, to, save } = await begin(dir, dir.join('other'))
  const before = { directory: dir.join('before'), id: 'cd34' }
  await mkdir(directoryOfSaves(before), { recursive: true })
  await moveSaveFiles(directories, before)
  await mkdir(join(directoryOfSaves(before), 'lost+found'))
  await checkMovable(directories)
  await moveSaveFiles(directories, to)
  assert.deepEqual(await contents(save), FILES)
  assert.deepEqual(await readdir(directoryOfSaves(before)), ['lost+found'])
  await rm(directoryOfSaves(to), { recursive: true })
  await assert.rejects(moveSaveFiles(directories, before), { code: 'STATE_MISSING' })
})

test('checkMovable() refuses what is not a file before anything is moved', async () => {
  await using dir = await tempDir()
  const { directories, save } = await begin(dir, dir.join('other'))
  await checkMovable(directories)
  await mkdir(join(save, 'directory'))
  await assert.rejects(checkMovable(directories), { code: 'FILE_EXISTS' })
  assert.ok((await lstat(save)).isDirectory())
})
