import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmod, chown, mkdir, stat, symlink, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { faultEnvironment } from '../../../test/support/faults/fault-environment.ts'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { checkOwnDirectory, makeDirectory } from './directory.ts'

const NOBODY = 65534

test('makeDirectory() makes directories for their owner alone, and leaves one that exists', async () => {
  await using dir = await tempDir()
  await makeDirectory(dir.join('a/b/c'))
  for (const name of ['a', 'a/b', 'a/b/c'])
    assert.equal((await stat(dir.join(name))).mode & 0o777, 0o700)
  await chmod(dir.join('a/b'), 0o750)
  await makeDirectory(dir.join('a/b'))
  assert.equal((await stat(dir.join('a/b'))).mode & 0o777, 0o750)
  await writeFile(dir.join('file'), '')
  await assert.rejects(makeDirectory(dir.join('file/a')), { path: dir.join('file/a') })
})

test('makeDirectory() flushes the directory that names a new one', async () => {
  await using dir = await tempDir()
  // A planned fault fails the flush, so that it must have been tried.
  for (const [made, flushed] of [
    ['a', ''],
    ['a/b/c', 'a/b'],
  ] as const) {
    const script = `import { makeDirectory } from ${JSON.stringify(new URL('./directory.ts', import.meta.url).href)}
await makeDirectory(${JSON.stringify(dir.join(made))})`
    const env = {
      ...process.env,
      ...faultEnvironment({ fault: `fsync:EIO:1:${dir.join(flushed)}` }),
    }
    const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script]
    const { stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' })
    assert.match(stderr, /EIO/)
  }
})

test('checkOwnDirectory() refuses a directory that another user could have filled', async () => {
  await using dir = await tempDir()
  const path = dir.join('state')
  await checkOwnDirectory(path)
  await mkdir(path, { mode: 0o755 })
  await checkOwnDirectory(path)
  const refused = async (message: RegExp, name = path): Promise<void> =>
    assert.rejects(checkOwnDirectory(name), { code: 'UNSAFE_DIRECTORY', message })
  for (const mode of [0o777, 0o1777, 0o720]) {
    await chmod(path, mode)
    await refused(/other users may write to it/)
  }
  await chmod(path, 0o700)
  await symlink(path, dir.join('link'))
  await refused(/symbolic link/, dir.join('link'))
  await writeFile(dir.join('file'), '')
  await refused(/not a directory/, dir.join('file'))
  if (process.geteuid?.() !== 0) return
  await chown(path, NOBODY, NOBODY)
  await refused(/belongs to user 65534/)
})
