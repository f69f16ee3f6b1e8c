import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { lstat, mkdir, readFile, readdir, readlink, symlink, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { faultEnvironment } from '../../../test/support/faults/fault-environment.ts'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { PartialFile } from './partial-file.ts'

async function publish(path: string, text: string): Promise<void> {
  await using partial = await PartialFile.create(path, { direct: false })
  await partial.file.write(Buffer.from(text), 0)
  await partial.publish()
}

/** Publishes `new` at `path` in a process of its own, in which one call fails. */
function publishWithFault(path: string, fault: string): string {
  const program = `
    import { PartialFile } from ${JSON.stringify(new URL('./partial-file.ts', import.meta.url).href)}
    try {
      await using partial = await PartialFile.create(process.argv[1], { direct: false })
      await partial.file.write(Buffer.from('new'), 0)
      await partial.publish()
      console.log('published')
    } catch (error) {
      console.log(error.code)
    }`
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program, path], {
    encoding: 'utf8',
    env: { ...process.env, ...faultEnvironment({ fault }) },
  })
  return stdout.trim()
}

test('PartialFile replaces a file and leaves nothing beside it', async () => {
  await using dir = await tempDir()
  await publish(dir.join('f'), 'one')
  await publish(dir.join('f'), 'two')
  assert.equal(await readFile(dir.join('f'), 'utf8'), 'two')
  assert.deepEqual(await readdir(dir.path), ['f'])
})

for (const [call, code, error] of [
  ['fsync', 'EIO', 'IO_ERROR'],
  ['renameat2', 'EACCES', 'NO_PERMISSION'],
  ['write', 'ENOSPC', 'NO_SPACE'],
] as const) {
  test(`PartialFile keeps the older file when ${call} fails with ${code}`, async () => {
    await using dir = await tempDir()
    await writeFile(dir.join('f'), 'old')
    for (let nth = 1; ; nth += 1) {
      const outcome = publishWithFault(dir.join('f'), `${call}:${code}:${nth}:${dir.path}`)
      assert.deepEqual(await readdir(dir.path), ['f'])
      if (outcome === 'published') {
        // Every call of its kind has failed once.
        assert.ok(nth > (call === 'fsync' ? 2 : 1), `only ${nth - 1} calls of ${call}`)
        return
      }
      assert.equal(outcome, error)
      assert.equal(await readFile(dir.join('f'), 'utf8'), 'old')
    }
  })
}

test('PartialFile follows a symbolic link, also one that leads nowhere yet', async () => {
  await using dir = await tempDir()
  await mkdir(dir.join('big'))
  await writeFile(dir.join('big', 'old'), 'old')
  await symlink('big/old', dir.join('l'))
  await symlink('l2', dir.join('l1'))
  await symlink(dir.join('big', 'new'), dir.join('l2'))
  await publish(dir.join('l'), 'one')
  await publish(dir.join('l1'), 'two')
  assert.equal(await readlink(dir.join('l')), 'big/old')
  assert.ok((await lstat(dir.join('l1'))).isSymbolicLink())
  assert.equal(await readFile(dir.join('big', 'old'), 'utf8'), 'one')
  assert.equal(await readFile(dir.join('big', 'new'), 'utf8'), 'two')
  assert.deepEqual((await readdir(dir.join('big'))).toSorted(), ['new', 'old'])
})

test('PartialFile refuses a link that leads back to itself', async () => {
  await using dir = await tempDir()
  await symlink('b', dir.join('a'))
  await symlink('a', dir.join('b'))
  await assert.rejects(publish(dir.join('a'), 'x'), { code: 'IO_ERROR' })
})

test('PartialFile refuses a link of another user in a directory that all may write to', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('only root can make a link of another user')
  await using dir = await tempDir()
  const { chmod, lchown } = await import('node:fs/promises')
  await mkdir(dir.join('shared'))
  await chmod(dir.join('shared'), 0o1777)
  await symlink(dir.join('target'), dir.join('shared', 'f'))
  await lchown(dir.join('shared', 'f'), 65534, 65534)
  await assert.rejects(publish(dir.join('shared', 'f'), 'x'), { code: 'NO_PERMISSION' })
})
