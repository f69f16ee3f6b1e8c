import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFile, readdir, symlink, utimes, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { isReachable, isThere, removeUnlocked } from './file-names.ts'

test('isThere() reports only a missing name as absent', async () => {
  await using dir = await tempDir()
  await writeFile(dir.join('file'), '')
  await symlink('nowhere', dir.join('link'))
  assert.equal(await isThere(dir.join('file')), true)
  assert.equal(await isThere(dir.join('link')), true)
  assert.equal(await isReachable(dir.join('link')), false)
  assert.equal(await isThere(dir.join('none')), false)
  assert.equal(await isThere(dir.join('file', 'below')), false)
  // Too long to be looked for: nobody can say that it is not there.
  await assert.rejects(isThere(dir.join('x'.repeat(300))), { code: 'IO_ERROR' })
})

test('removeUnlocked() waits for no pipe and follows no link', { timeout: 5000 }, async () => {
  await using dir = await tempDir()
  await writeFile(dir.join('file'), '')
  await writeFile(dir.join('target'), '')
  await symlink('target', dir.join('link'))
  assert.equal(spawnSync('mkfifo', [dir.join('pipe')]).status, 0)
  for (const name of ['file', 'link', 'pipe', 'none']) await removeUnlocked(dir.join(name))
  assert.deepEqual((await readdir(dir.path)).toSorted(), ['link', 'pipe', 'target'])
})

test('removeUnlocked() leaves the file of a writer that may not have locked it yet', async () => {
  await using dir = await tempDir()
  await writeFile(dir.join('file'), '')
  await removeUnlocked(dir.join('file'), process.pid)
  assert.deepEqual(await readdir(dir.path), ['file'])
  // Linux gives no pid as high as this one.
  await removeUnlocked(dir.join('file'), 4_999_999)
  assert.deepEqual(await readdir(dir.path), [])
})

test('removeUnlocked() removes the file of a dead writer at once, also of one that nobody has reaped', async () => {
  await using dir = await tempDir()
  // The child ends once its parent is a program that does not reap.
  const script = 'exec 3<&0; cat <&3 & echo $!; exec sleep 60'
  const parent = spawn('sh', ['-c', script], { stdio: 'pipe' })
  try {
    const [data] = (await once(parent.stdout, 'data')) as [Buffer]
    const pid = Number(data.toString())
    while ((await readFile(`/proc/${parent.pid}/comm`, 'latin1')) !== 'sleep\n') await delay(5)
    parent.stdin.end()
    while (!(await readFile(`/proc/${pid}/stat`, 'latin1')).includes(') Z')) await delay(5)
    await writeFile(dir.join('file'), '')
    await removeUnlocked(dir.join('file'), process.pid)
    assert.ok(await isThere(dir.join('file')), 'a living writer may be about to lock it')
    await removeUnlocked(dir.join('file'), pid)
    assert.equal(await isThere(dir.join('file')), false)
  } finally {
    parent.kill('SIGKILL')
  }
})

test('removeUnlocked() removes a file of the future whose pid another process has', async () => {
  await using dir = await tempDir()
  await writeFile(dir.join('file'), '')
  const inAnHour = new Date(Date.now() + 3_600_000)
  await utimes(dir.join('file'), inAnHour, inAnHour)
  await removeUnlocked(dir.join('file'), process.pid)
  assert.deepEqual(await readdir(dir.path), [])
})
