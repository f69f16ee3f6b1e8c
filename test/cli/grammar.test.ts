import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { domainXml } from '../support/domain-xml.ts'
import { qemus } from '../support/qemus.ts'
import { stasis, stasisWith } from '../support/stasis-command.ts'
import { type TempDir, tempDir } from '../support/temp-dir.ts'

/** A state directory in which `web` is defined. */
async function withWeb(): Promise<TempDir & { readonly state: string; readonly xml: string }> {
  const dir = await tempDir()
  const emulator = qemus()[0]?.emulator ?? ''
  const xml = dir.join('web.xml')
  await writeFile(xml, domainXml({ name: 'web', guest: 'tiny', emulator, serial: { type: 'pty' } }))
  const state = dir.join('state')
  const defined = await stasis(state, '-q', 'define', '--file', xml)
  assert.deepEqual(defined, { exitCode: 0, stdout: '', stderr: '' })
  return Object.assign(dir, { state, xml })
}

describe("virsh's grammar", { concurrency: 2 }, () => {
  test('arguments have names', async () => {
    await using web = await withWeb()
    const { stdout } = await stasis(web.state, 'domstate', '--domain', 'web')
    assert.equal(stdout, 'shut off\n')
    const renamed = await stasis(web.state, 'domrename', '--new-name', 'db', '--domain', 'web')
    assert.equal(renamed.exitCode, 0, renamed.stderr)
    const many = await stasis(web.state, 'domstate', 'web', '--domain', 'db')
    assert.match(many.stderr, /^error: Too many arguments: 'web'\nhint: `stasis domstate --help`/)
    assert.equal(many.exitCode, 2)
  })

  test('-r refuses what changes something, and nothing else', async () => {
    await using web = await withWeb()
    const { stdout } = await stasis(web.state, '-r', 'list', '--all')
    assert.match(stdout, / web +shut off/)
    for (const line of ['start web', 'undefine web', 'save web f', 'restore f', 'autostart web']) {
      const { stderr, exitCode } = await stasis(web.state, '--readonly', ...line.split(' '))
      assert.match(stderr, /^error: '\w+' changes something: --readonly forbids it/)
      assert.equal(exitCode, 2)
    }
    const check = await stasis(web.state, '-r', 'save', 'web', 'f', '--check')
    assert.doesNotMatch(check.stderr, /--readonly/)
  })

  test('-q leaves out the heading of a list and the word that all went well', async () => {
    await using web = await withWeb()
    const list = await stasis(web.state, '-q', 'list', '--all')
    assert.equal(list.stdout, ' -   web   shut off\n')
    assert.equal((await stasis(web.state, '-q', 'autostart', 'web')).stdout, '')
    assert.equal((await stasis(web.state, '-q', 'domstate', 'web')).stdout, 'shut off\n')
    assert.match((await stasis(web.state, '-q', 'start', 'nobody')).stderr, /no domain 'nobody'/)
  })

  test('-c chooses the directories', async () => {
    await using web = await withWeb()
    const { state: stateDir } = web
    const env = { XDG_STATE_HOME: web.path, XDG_RUNTIME_DIR: web.path }
    const session = await stasisWith({ stateDir, env }, '-c', 'qemu:///session', 'define', web.xml)
    assert.equal(session.exitCode, 0, session.stderr)
    assert.match(await readFile(join(web.path, 'stasis/domains/web.xml'), 'utf8'), /<name>web</)
    for (const uri of ['qemu+ssh://host/system', 'xen:///system', '', 'qemu:///system/']) {
      const { stderr, exitCode } = await stasis(stateDir, '-c', uri, 'list')
      assert.match(stderr, /is invalid. Stasis knows only domains of this host: qemu:\/\/\/system/)
      assert.equal(exitCode, 2)
    }
    const both = await stasis(stateDir, '--state-dir', '/x', '-c', 'qemu:///session', 'list')
    assert.match(both.stderr, /--connect and --state-dir both choose/)
  })

  test('-v, --version and -V show versions', async () => {
    const { version } = JSON.parse(
      await readFile(join(import.meta.dirname, '../../package.json'), 'utf8'),
    ) as { readonly version: string }
    for (const option of ['-v', '--version'])
      assert.equal((await stasis('/nonexistent', option)).stdout, `${version}\n`)
    assert.match((await stasis('/nonexistent', '-V')).stdout, /^Stasis: .*\nNode: /)
    assert.equal((await stasis('/nonexistent', '-d', '0', '-v')).exitCode, 0)
  })

  test('save, restore and image-convert have both names for the number of channels', async () => {
    for (const line of ['save web f', 'managedsave web', 'restore f', 'image-convert f g'])
      for (const name of ['--parallel-channels', '--parallel-connections']) {
        const { stderr } = await stasis('/nonexistent', ...line.split(' '), name, '65')
        assert.match(stderr, /'65' is invalid. It must be a whole number from 1 to 64/, line)
      }
  })

  test('list has the filters and columns of virsh', async () => {
    await using web = await withWeb()
    const list = async (...flags: readonly string[]): Promise<string> =>
      (await stasis(web.state, '-q', 'list', ...flags)).stdout.trim()
    const row = '-   web   shut off'
    for (const flags of [
      ['--inactive'],
      ['--state-shutoff'],
      ['--state-shutoff', '--state-running'],
      ['--all', '--persistent', '--transient', '--no-autostart'],
      ['--all', '--with-managed-save', '--without-managed-save'],
      ['--all', '--without-managed-save', '--table'],
    ])
      assert.equal(await list(...flags), row, flags.join(' '))
    for (const flags of ['--state-paused', '--transient', '--with-managed-save', '--autostart'])
      assert.equal(await list('--all', flags), '', flags)
    assert.equal(await list('--all', '--name', '--id'), '- web')
    assert.equal(await list('--all', '--id'), '')
    const { stdout } = await stasis(web.state, 'list', '--all', '--title')
    assert.match(stdout, /^ Id   Name   State      Title\n/)
    const both = await stasis(web.state, 'list', '--table', '--name')
    assert.match(both.stderr, /'--table' cannot be used with option '--name'/)
  })

  test('managedsave-remove without a managed save does nothing', async () => {
    await using web = await withWeb()
    assert.deepEqual(await stasis(web.state, 'managedsave-remove', 'web'), {
      exitCode: 0,
      stdout: "Domain 'web' has no manage save image; removal skipped\n",
      stderr: '',
    })
  })

  test('one argument may hold several commands', async () => {
    await using web = await withWeb()
    const two = await stasis(web.state, '-q', "domstate nobody; domstate 'web'\nlist --all")
    assert.equal(two.stdout, 'shut off\n -   web   shut off\n')
    assert.match(two.stderr, /^error: There is no domain 'nobody'/)
    assert.equal(two.exitCode, 0)
    const last = await stasis(web.state, 'domstate web; domstate nobody')
    assert.deepEqual([last.stdout, last.exitCode], ['shut off\n', 3])
    const unknown = await stasis(web.state, 'domstate web; frobnicate')
    assert.deepEqual([unknown.stdout, unknown.exitCode], ['', 2])
    assert.match(unknown.stderr, /Unknown command 'frobnicate'/)
  })
})
