import assert from 'node:assert/strict'
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { domainInfo } from '../../src/index.ts'
import { isThere } from '../../src/io/files/file-names.ts'
import { type CommandResult, stasisWith } from '../support/stasis-command.ts'
import { type TinyDomain, startTinyDomain } from '../support/tiny-domain.ts'
import { killUntilDead } from '../support/kill-until-dead.ts'

const DOCUMENT = new URL('../../docs/hooks.md', import.meta.url)

/** Runs commands with hooks in `hooks.d/` of the test. */
async function withHooks(tiny: TinyDomain, scripts: Readonly<Record<string, string>>) {
  const directory = tiny.dir.join('hooks.d')
  await rm(directory, { recursive: true, force: true })
  await mkdir(directory)
  for (const [name, script] of Object.entries(scripts))
    await writeFile(`${directory}/${name}`, script, { mode: 0o755 })
  const env = { STASIS_HOOKS_DIRECTORIES: directory }
  return (...args: readonly string[]): Promise<CommandResult> =>
    stasisWith({ stateDir: tiny.stateDir, env }, ...args)
}

const record = (path: string): string => `#!/bin/sh\ncat >>${path}\n`

test('hooks hear of each act, before and after it', async () => {
  await using tiny = await startTinyDomain()
  const { dir } = tiny
  const heard = dir.join('heard')
  const image = dir.join('image')
  const run = await withHooks(tiny, { '10-record': record(heard) })
  for (const args of [
    ['save', 'tiny', image],
    ['restore', image],
    ['managedsave', 'tiny'],
    ['start', 'tiny'],
    ['list', '--all'],
    ['save', 'tiny', image, '--check'],
    ['destroy', 'tiny'],
  ]) {
    const { exitCode, stderr } = await run(...args)
    assert.equal(exitCode, 0, `${args.join(' ')}: ${stderr}`)
  }
  const lines = (await readFile(heard, 'utf8')).trim().split('\n')
  const events = lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
  assert.deepEqual(
    events.map(({ event, act, domain, outcome }) => [event, act, domain, outcome]),
    [
      ['before-save', 'save', 'tiny', undefined],
      ['after-save', 'save', 'tiny', 'completed'],
      ['before-restore', 'restore', 'tiny', undefined],
      ['after-restore', 'restore', 'tiny', 'completed'],
      ['before-save', 'managedsave', 'tiny', undefined],
      ['after-save', 'managedsave', 'tiny', 'completed'],
      ['before-start', 'start', 'tiny', undefined],
      ['after-start', 'start', 'tiny', 'completed'],
      ['before-end', 'destroy', 'tiny', undefined],
      ['after-end', 'destroy', 'tiny', 'completed'],
    ],
  )
  assert.equal(events[0]?.['image'], image)
  assert.equal(events[0]['stateDir'], tiny.stateDir)
  assert.ok(Number(events[1]?.['fileBytes']) > 0)
})

test('a hook before a save refuses it, and the guest keeps running', async () => {
  await using tiny = await startTinyDomain()
  const { dir, stateDir, log } = tiny
  const image = dir.join('image')
  const heard = dir.join('heard')
  const refuse = '#!/bin/sh\n[ "$1" != before-save ] || { echo "the backup runs" >&2; exit 1; }\n'
  const run = await withHooks(tiny, { '10-record': record(heard), '20-refuse': refuse })
  for (const args of [
    ['save', 'tiny', image],
    ['managedsave', 'tiny'],
  ]) {
    const { exitCode, stderr } = await run(...args)
    assert.equal(exitCode, 3)
    assert.match(
      stderr,
      /^error: The hook \S+20-refuse refuses to save domain 'tiny': the backup runs\n/,
    )
  }
  assert.equal((await domainInfo('tiny', { stateDir })).state, 'running')
  await log.advance(1)
  assert.ok(!(await readdir(dir.path)).includes('image'))
  // Whoever has heard of the beginning hears of the end.
  const heardOf = (await readFile(heard, 'utf8')).trim().split('\n')
  const last = JSON.parse(heardOf[1] ?? '') as Readonly<Record<string, unknown>>
  assert.deepEqual(
    [last['event'], last['outcome'], last['code']],
    ['after-save', 'failed', 'HOOK_REFUSED'],
  )
})

test('a hook before a restore, a start or an end refuses it, and nothing changes', async () => {
  await using tiny = await startTinyDomain()
  const { dir, stateDir } = tiny
  const image = dir.join('image')
  const run = await withHooks(tiny, {
    '10-no': '#!/bin/sh\n[ "$1" = before-save -o "$1" = after-save ]\n',
  })
  assert.match(
    (await run('destroy', 'tiny')).stderr,
    /refuses to end domain 'tiny': it ended with exit code 1/,
  )
  assert.equal((await domainInfo('tiny', { stateDir })).state, 'running')
  assert.equal((await run('save', 'tiny', image)).exitCode, 0)
  assert.match((await run('restore', image)).stderr, /refuses to restore domain 'tiny'/)
  assert.match((await run('start', 'tiny')).stderr, /refuses to start domain 'tiny'/)
  assert.equal((await domainInfo('tiny', { stateDir })).state, 'shut off')
  assert.deepEqual(await readdir(`${stateDir}/run`), [])
})

test('hooks hear of a guest that ends by itself, and of a QEMU that dies', async () => {
  await using tiny = await startTinyDomain({ started: false })
  const { dir, stateDir } = tiny
  const heard = dir.join('heard')
  const run = await withHooks(tiny, { '10-record': record(heard) })
  for (const [end, reason] of [
    [() => run('qemu-monitor-command', 'tiny', '{"execute":"quit"}'), 'shutdown'],
    [
      async () => process.kill((await domainInfo('tiny', { stateDir })).id ?? 0, 'SIGKILL'),
      'crashed',
    ],
  ] as const) {
    const started = await run('start', 'tiny')
    assert.equal(started.exitCode, 0, started.stderr)
    await rm(heard)
    await end()
    // No command runs now.
    let line = ''
    for (let look = 0; !line.endsWith('\n'); look += 1) {
      assert.ok(look < 200, `no hook has heard: ${reason}`)
      await delay(50)
      line = await readFile(heard, 'utf8').catch(() => '')
    }
    const event = JSON.parse(line) as Readonly<Record<string, unknown>>
    assert.deepEqual(
      [event['event'], event['act'], event['domain'], event['reason']],
      ['after-end', 'end', 'tiny', reason],
    )
  }
  await rm(heard)
  assert.equal((await run('start', 'tiny')).exitCode, 0)
  assert.equal((await run('destroy', 'tiny')).exitCode, 0)
  await delay(1000)
  const acts = (await readFile(heard, 'utf8')).trim().split('\n')
  assert.deepEqual(
    acts.map((line) => (JSON.parse(line) as { readonly event: string }).event),
    ['before-start', 'after-start', 'before-end', 'after-end'],
  )
})

test('without a watcher, the next command on a guest that has ended runs its hooks', async () => {
  await using tiny = await startTinyDomain()
  const heard = tiny.dir.join('heard')
  const run = await withHooks(tiny, { '10-record': record(heard) })
  const { stateDir } = tiny
  await killUntilDead((await domainInfo('tiny', { stateDir })).id ?? 0)
  assert.equal((await run('domstate', 'tiny')).stdout, 'shut off\n')
  assert.ok(!(await isThere(heard)), 'a look runs no hook')
  assert.equal((await run('start', 'tiny')).exitCode, 0)
  const events = (await readFile(heard, 'utf8')).trim().split('\n')
  assert.deepEqual(
    events.map((line) => (JSON.parse(line) as { readonly event: string }).event),
    ['after-end', 'before-start', 'after-start'],
  )
})

test('a hook after an act that fails is a warning', async () => {
  await using tiny = await startTinyDomain()
  const image = tiny.dir.join('image')
  const run = await withHooks(tiny, {
    '10-fail': '#!/bin/sh\ncase $1 in after-*) echo oops; exit 1;; esac\n',
  })
  for (const args of [
    ['save', 'tiny', image],
    ['restore', image],
    ['destroy', 'tiny'],
  ]) {
    const { exitCode, stderr } = await run(...args)
    assert.equal(exitCode, 0, stderr)
    assert.match(stderr, /warning: the hook \S+10-fail for after-\w+ failed: oops\n/)
  }
})

test('the hooks of the document do what it says', async () => {
  await using tiny = await startTinyDomain()
  const { dir } = tiny
  const text = await readFile(DOCUMENT, 'utf8')
  const scripts = [...text.matchAll(/```sh\n(#!\/bin\/sh\n# \S+\/(\S+)\n[^]*?)```/g)].map(
    ([, script = '', name = '']) =>
      [
        name,
        script
          .replaceAll('/run/backup.running', dir.join('backup'))
          .replaceAll('/var/log', dir.path),
      ] as const,
  )
  assert.equal(scripts.length, 2)
  const run = await withHooks(tiny, Object.fromEntries(scripts))
  await writeFile(dir.join('backup'), '')
  const refused = await run('save', 'tiny', dir.join('image'))
  assert.match(refused.stderr, /refuses to save domain 'tiny': a backup of tiny is running/)
  await rm(dir.join('backup'))
  const saved = await run('save', 'tiny', dir.join('image'))
  assert.equal(saved.exitCode, 0, saved.stderr)
  const lines = (await readFile(dir.join('stasis-saves.jsonl'), 'utf8')).trim().split('\n')
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { readonly outcome: string }).outcome),
    ['failed', 'completed'],
  )
})
