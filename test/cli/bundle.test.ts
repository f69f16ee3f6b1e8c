import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { cp, readFile, readdir, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { type TempDir, tempDir } from '../support/temp-dir.ts'
import { stasis } from '../support/stasis-command.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')

/** A checkout of its own, with the packages of this one. */
async function makeCheckout(): Promise<TempDir> {
  const checkout = await tempDir()
  const parts = ['bin', 'src', 'scripts', 'package.json', 'package-lock.json', 'tsconfig.json']
  for (const part of parts) await cp(join(root, part), checkout.join(part), { recursive: true })
  await symlink(join(root, 'node_modules'), checkout.join('node_modules'))
  return checkout
}

test('bin/stasis makes its bundle once when several commands begin at the same time, and again when a source has changed, whatever its times are', async () => {
  await using checkout = await makeCheckout()
  const list = (): ReturnType<typeof run> =>
    run(checkout.join('bin/stasis'), ['--state-dir', checkout.join('state'), 'list'])
  for (const { stdout, stderr } of await Promise.all(Array.from({ length: 4 }, list))) {
    assert.match(stdout.toString(), /Id +Name +State/)
    assert.equal(stderr, '')
  }
  const { ino } = await stat(checkout.join('.bundle/main.cjs'))
  await list()
  assert.equal((await stat(checkout.join('.bundle/main.cjs'))).ino, ino)
  const source = checkout.join('src/cli/verbs/monitor/list.ts')
  const text = await readFile(source, 'utf8')
  await writeFile(source, text.replace("'Name'", "'Nome'"))
  await utimes(source, 1, 1)
  // The second run has the code that the first has left.
  assert.match((await list()).stdout.toString(), /Id +Nome +State/)
  assert.match((await list()).stdout.toString(), /Id +Nome +State/)
})

test('bin/stasis reports a source that cannot be bundled, and runs nothing', async () => {
  await using checkout = await makeCheckout()
  await writeFile(checkout.join('src/cli/verbs/monitor/list.ts'), 'export const verb = {')
  const { status, stdout, stderr } = spawnSync(checkout.join('bin/stasis'), ['version'])
  assert.notEqual(status, 0)
  assert.equal(stdout.toString(), '')
  assert.match(stderr.toString(), /list\.ts/)
})

describe('entry.cjs on a Node that is too old', () => {
  const entry = join(root, '.bundle/entry.cjs')
  before(() => stasis('/nonexistent', 'list'))

  test('says so in one sentence before it loads anything', async () => {
    await using dir = await tempDir()
    const older = dir.join('older.cjs')
    await writeFile(
      older,
      `Object.defineProperty(process.versions, 'node', { value: '22.21.0' })
      process.on('exit', () => console.log(Object.keys(require.cache).join()))`,
    )
    const { status, stdout, stderr } = spawnSync(process.execPath, ['-r', older, entry, 'list'])
    assert.equal(status, 1)
    assert.match(stderr.toString(), /^error: Stasis needs Node\.js 24 or newer, but \S+ is \S+\n$/)
    assert.doesNotMatch(stdout.toString(), /main\.cjs/)
  })

  test('needs what package.json says', async () => {
    const { engines } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
      readonly engines: { readonly node: string }
    }
    const source = await readFile(join(root, 'src/cli/entry.ts'), 'utf8')
    assert.equal(engines.node, `>=${/OLDEST_NODE = (\d+)/.exec(source)?.[1]}`)
  })
})

test('every program that others start is in the bundle', async () => {
  await stasis('/nonexistent', 'list')
  const files = (await readdir(join(root, '.bundle'))).filter((file) => file.endsWith('.cjs'))
  assert.deepEqual(files.toSorted(), [
    'batch-thread.cjs',
    'check-thread.cjs',
    'ended-guest-main.cjs',
    'entry.cjs',
    'flatten-main.cjs',
    'intake-thread.cjs',
    'killed-clone-main.cjs',
    'killed-conversion-main.cjs',
    'killed-restore-main.cjs',
    'killed-save-main.cjs',
    'killed-scratch-main.cjs',
    'killed-snapshot-main.cjs',
    'load-thread.cjs',
    'looking-main.cjs',
    'main.cjs',
    'page-server-main.cjs',
    'receive-thread.cjs',
    'save-main.cjs',
    'start-main.cjs',
    'state-main.cjs',
    'stream-thread.cjs',
  ])
})
