import assert from 'node:assert/strict'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { type TempDir, tempDir } from '../../../test/support/temp-dir.ts'
import { findHooks } from './find-hooks.ts'
import { type HookSettings, runAfterHooks, runBeforeHooks } from './run-hooks.ts'

const MESSAGE = { event: 'before-save', domain: 'web', image: '/i' } as const

async function hook(path: string, script: string): Promise<void> {
  await writeFile(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
}

function settingsOf(dir: TempDir): HookSettings {
  return { directories: [dir.join('a'), dir.join('nowhere')], programs: [], timeLimitMs: 10_000 }
}

async function places(): Promise<TempDir> {
  const dir = await tempDir()
  for (const name of ['a', 'b']) await mkdir(dir.join(name))
  return dir
}

const directoriesOf = (dir: TempDir) => ({ stateDir: dir.join('s'), runtimeDir: dir.join('r') })

test('findHooks() sorts the executables of all directories by name, and then takes the programs', async () => {
  await using dir = await places()
  for (const name of ['a/20-x', 'b/10-y', 'a/.hidden', 'a/30-z~', 'b/40-w'])
    await hook(dir.join(name), '')
  await writeFile(dir.join('a/README'), '')
  await mkdir(dir.join('a/directory'))
  const found = await findHooks({
    directories: [dir.join('a'), dir.join('b'), dir.join('c')],
    programs: ['/p'],
  })
  const wanted = [dir.join('b/10-y'), dir.join('a/20-x'), dir.join('b/40-w'), '/p']
  assert.deepEqual(found, wanted)
})

test('runBeforeHooks() gives a hook the event, and a clean environment', async () => {
  await using dir = await places()
  process.env['SECRET_OF_CALLER'] = 'x'
  await hook(
    dir.join('a/1'),
    `cat >${dir.join('in')}; env >${dir.join('env')}; echo "$@" >${dir.join('args')}`,
  )
  await runBeforeHooks(MESSAGE, settingsOf(dir), directoriesOf(dir), undefined)
  delete process.env['SECRET_OF_CALLER']
  const read = (name: string): Promise<string> => readFile(dir.join(name), 'utf8')
  assert.deepEqual(JSON.parse(await read('in')), { version: 1, ...MESSAGE })
  assert.equal(await read('args'), 'before-save web\n')
  const names = (await read('env')).split('\n').map((line) => line.replace(/=.*/, ''))
  const wanted = [
    '',
    'LC_ALL',
    'PATH',
    'PWD',
    'STASIS_HOOK',
    'STASIS_RUNTIME_DIR',
    'STASIS_STATE_DIR',
  ]
  assert.deepEqual(
    names.filter((name) => !['_', 'SHLVL', 'OLDPWD'].includes(name)).toSorted(),
    wanted,
  )
})

test('runBeforeHooks() is refused by the first hook that fails, with its last line', async () => {
  await using dir = await places()
  await hook(dir.join('a/1'), 'exit 0')
  await hook(dir.join('a/2'), 'echo working; echo "not on Sundays" >&2; exit 3')
  await hook(dir.join('a/3'), `touch ${dir.join('too-late')}`)
  await assert.rejects(runBeforeHooks(MESSAGE, settingsOf(dir), directoriesOf(dir), undefined), {
    code: 'HOOK_REFUSED',
    message: `The hook ${dir.join('a/2')} refuses to save domain 'web': not on Sundays`,
  })
  await assert.rejects(readFile(dir.join('too-late')), { code: 'ENOENT' })
})

test('runBeforeHooks() ends a hook that takes too long, with what it has started', async () => {
  await using dir = await places()
  await hook(dir.join('a/1'), `(sleep 2; touch ${dir.join('late')}) & sleep 60`)
  const settings = { ...settingsOf(dir), timeLimitMs: 300 }
  const begun = performance.now()
  await assert.rejects(runBeforeHooks(MESSAGE, settings, directoriesOf(dir), undefined), {
    code: 'HOOK_REFUSED',
    message: /did not end within 0\.3 s$/,
  })
  assert.ok(performance.now() - begun < 2000)
  await new Promise((resolve) => setTimeout(resolve, 2200))
  await assert.rejects(readFile(dir.join('late')), { code: 'ENOENT' })
})

test('runBeforeHooks() ends with its signal', async () => {
  await using dir = await places()
  await hook(dir.join('a/1'), 'sleep 60')
  const run = runBeforeHooks(MESSAGE, settingsOf(dir), directoriesOf(dir), AbortSignal.timeout(200))
  await assert.rejects(run, { code: 'CANCELLED' })
})

test('runBeforeHooks() refuses a hook that another user could have written, and does not run it', async () => {
  await using dir = await places()
  await hook(dir.join('a/1'), `touch ${dir.join('ran')}`)
  await chmod(dir.join('a/1'), 0o777)
  const run = (): Promise<void> =>
    runBeforeHooks(MESSAGE, settingsOf(dir), directoriesOf(dir), undefined)
  await assert.rejects(run(), { code: 'UNSAFE_FILE', path: dir.join('a/1') })
  await chmod(dir.join('a/1'), 0o755)
  await chmod(dir.join('a'), 0o777)
  await assert.rejects(run(), { code: 'UNSAFE_FILE' })
  await assert.rejects(readFile(dir.join('ran')), { code: 'ENOENT' })
})

test('runAfterHooks() runs all hooks, and returns a warning for each that failed', async () => {
  await using dir = await places()
  await hook(dir.join('a/1'), 'exit 7')
  await hook(dir.join('a/2'), 'kill -9 $$')
  await hook(dir.join('a/3'), `touch ${dir.join('ran')}`)
  await writeFile(dir.join('a/4'), '#!/no/interpreter\n', { mode: 0o755 })
  const message = { ...MESSAGE, event: 'after-save' } as const
  const warnings = await runAfterHooks(message, settingsOf(dir), directoriesOf(dir))
  assert.match(warnings[0] ?? '', /a\/1 for after-save failed: it ended with exit code 7$/)
  assert.match(warnings[1] ?? '', /a\/2 for after-save failed: it was killed by SIGKILL$/)
  assert.match(warnings[2] ?? '', /a\/4 .*cannot be run/)
  assert.equal(warnings.length, 3)
  await readFile(dir.join('ran'))
})

test('hooks are not run by a Stasis that a hook has started', async () => {
  await using dir = await places()
  await hook(dir.join('a/1'), 'exit 1')
  process.env['STASIS_HOOK'] = 'after-save'
  try {
    await runBeforeHooks(MESSAGE, settingsOf(dir), directoriesOf(dir), undefined)
  } finally {
    delete process.env['STASIS_HOOK']
  }
})
