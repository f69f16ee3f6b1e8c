import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, chmod, mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { JournalEntry } from '../../src/index.ts'
import { stasis, stasisWith } from '../support/stasis-command.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

async function history(
  stateDir: string,
  ...args: readonly string[]
): Promise<readonly JournalEntry[]> {
  const { stdout, exitCode, stderr } = await stasis(stateDir, 'history', '--json', ...args)
  assert.equal(exitCode, 0, stderr)
  const lines = stdout.trim().split('\n')
  const values = lines.map((line) => JSON.parse(line) as JournalEntry & { readonly type: string })
  assert.equal(values.at(-1)?.type, 'result')
  return values.slice(0, -1)
}

test('the journal keeps saves and restores, with how they ended', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, dir } = tiny
  const image = dir.join('image')
  const env = { SUDO_USER: 'anna' }
  for (const [args, code] of [
    [['save', 'tiny', image, '--format', 'raw'], 0],
    [['save', 'tiny', image], 3],
    [['save', 'nobody', image], 3],
    [['restore', image, '--mode', 'load'], 0],
    [['host-save'], 0],
    [['host-resume'], 0],
    [['image-convert', image, `${image}.new`], 0],
  ] as const) {
    const { exitCode, stderr } = await stasisWith({ stateDir, env }, ...args)
    assert.equal(exitCode, code, `${args.join(' ')}: ${stderr}`)
  }
  const entries = await history(stateDir)
  assert.deepEqual(
    entries.map(({ act, domain, outcome, code, during }) => [act, domain, outcome, code, during]),
    [
      ['start', 'tiny', 'completed', undefined, undefined],
      ['save', 'tiny', 'completed', undefined, undefined],
      ['save', 'tiny', 'failed', 'DOMAIN_NOT_RUNNING', undefined],
      ['restore', 'tiny', 'completed', undefined, undefined],
      ['managedsave', 'tiny', 'completed', undefined, 'host-save'],
      ['host-save', undefined, 'completed', undefined, undefined],
      ['start', 'tiny', 'completed', undefined, 'host-resume'],
      ['host-resume', undefined, 'completed', undefined, undefined],
      ['image-convert', undefined, 'completed', undefined, undefined],
    ],
  )
  const [, save, , restore, , hostSave] = entries
  assert.equal(save?.format, 'raw')
  assert.equal(save.image, image)
  assert.ok((save.fileBytes ?? 0) > 0 && (save.downtimeMs ?? 0) > 0 && save.durationMs > 0)
  assert.deepEqual(save.by, { pid: save.by.pid, uid: process.getuid?.(), sudoUser: 'anna' })
  assert.equal(restore?.mode, 'load')
  assert.deepEqual(hostSave?.domains, { done: 1, failed: 0 })

  assert.equal((await history(stateDir, '--limit', '2')).length, 2)
  assert.equal((await history(stateDir, 'tiny')).length, 6)
  assert.equal((await history(stateDir, 'other')).length, 0)
  assert.equal((await history(stateDir, '--since', '1h')).length, 9)
  assert.equal((await history(stateDir, '--since', '2100-01-01')).length, 0)
  const { stdout } = await stasis(stateDir, 'history')
  assert.match(stdout, /save +tiny +failed \(DOMAIN_NOT_RUNNING\)/)
  assert.match(stdout, /managedsave \(host-save\) +tiny +completed/)

  // An unreadable line is reported, and the others are shown.
  await appendFile(join(stateDir, 'journal/journal.jsonl'), 'garbage\n')
  const damaged = await stasis(stateDir, 'history')
  assert.equal(damaged.exitCode, 0)
  assert.match(damaged.stderr, /^warning: .*journal\.jsonl:10 cannot be read/)
})

test('a journal that cannot be written fails no save', async () => {
  await using tiny = await startTinyDomain({ started: false })
  const { stateDir, dir } = tiny
  await mkdir(join(stateDir, 'journal'), { recursive: true })
  await mkdir(join(stateDir, 'journal/journal.jsonl'))
  assert.equal((await stasis(stateDir, 'start', 'tiny')).exitCode, 0)
  const { exitCode, stderr } = await stasis(stateDir, 'save', 'tiny', dir.join('image'))
  assert.equal(exitCode, 0, stderr)
  assert.match(stderr, /warning: this is not in the journal: /)
})

test('the journal keeps a save that was killed', { timeout: 60_000 }, async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, dir, log } = tiny
  const script = join(import.meta.dirname, '../support/save-and-die.ts')
  const args = [script, stateDir, dir.join('image'), 'transferring']
  // With its watcher, which resumes the guest.
  const env = { ...process.env, STASIS_TEST_WATCHER: '1' }
  await once(spawn(process.execPath, args, { env, stdio: 'inherit' }), 'close')
  const killed = async (): Promise<JournalEntry | undefined> =>
    (await history(stateDir)).find(({ code }) => code === 'KILLED')
  for (let look = 0; look < 100 && (await killed()) === undefined; look += 1) await delay(100)
  const { act, domain, outcome, image } = (await killed()) as JournalEntry
  assert.deepEqual([act, domain, outcome, image], ['save', 'tiny', 'failed', dir.join('image')])
  await log.advance(1)
})

test('the log of QEMU survives the guest, and is renamed when it is full', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir } = tiny
  const path = join(stateDir, 'log/tiny.log')
  await stasis(stateDir, 'destroy', 'tiny')
  assert.match(await readFile(path, 'utf8'), /^\d{4}-\S+Z starting: \S+qemu\S* .*guest=tiny/m)
  await writeFile(path, Buffer.alloc(2 * 1024 * 1024, 'x'))
  await chmod(path, 0o600)
  await stasis(stateDir, 'start', 'tiny')
  assert.deepEqual((await readdir(join(stateDir, 'log'))).toSorted(), ['tiny.log', 'tiny.log.0'])
  // What a crash shows is of this QEMU alone.
  assert.doesNotMatch(await readFile(path, 'utf8'), /xxx/)
})
