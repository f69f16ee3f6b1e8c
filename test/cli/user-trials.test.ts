import '../support/allow.ts'
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { startStasis, stasis } from '../support/stasis-command.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'
import { domainXml } from '../support/domain-xml.ts'
import { qemus } from '../support/qemus.ts'
import { tempDir } from '../support/temp-dir.ts'
import { VERBS } from '../../src/cli/verbs.ts'
import { FORMATS, SAVE_FORMATS } from '../../src/image/format-table.ts'

// What users found (docs/user-trials.md has the list), as far as no test of the part in question shows it.

const command = join(import.meta.dirname, '../../bin/stasis')

/** A command line that prints, for each verb that only looks. */
const PRINTING: Readonly<Record<string, string>> = {
  list: 'list --all',
  dominfo: 'dominfo tiny',
  domstate: 'domstate tiny',
  domid: 'domid tiny',
  domuuid: 'domuuid tiny',
  domname: 'domname tiny',
  domblklist: 'domblklist tiny',
  domiflist: 'domiflist tiny',
  desc: 'desc tiny',
  domjobinfo: 'domjobinfo tiny',
  dumpxml: 'dumpxml tiny',
  event: 'event --list',
  'image-cache': 'image-cache list --json',
  images: 'images --json',
  version: 'version',
  doctor: 'doctor',
  config: 'config',
  completion: 'completion bash',
  'systemd-units': 'systemd-units',
  domstats: 'domstats tiny',
  dommemstat: 'dommemstat tiny',
  domblkstat: 'domblkstat tiny',
  vcpucount: 'vcpucount tiny',
  vcpuinfo: 'vcpuinfo tiny',
  domcontrol: 'domcontrol tiny',
  domblkinfo: 'domblkinfo tiny --all',
  'domxml-to-native': 'domxml-to-native qemu-argv --domain tiny',
  history: 'history --json',
  'checkpoint-list': 'checkpoint-list tiny',
  'snapshot-list': 'snapshot-list tiny',
  echo: 'echo a',
  pwd: 'pwd',
}

test('a verb that cannot print its result ends with 7', { timeout: 120_000 }, async () => {
  await using tiny = await startTinyDomain()
  const env = { ...process.env, STASIS_STATE_DIR: tiny.stateDir }
  // Verbs that change something print as these do: one line, or the answer in JSON.
  const others = [
    'autostart tiny',
    'autostart tiny --disable --json',
    'host-save --dry-run --json',
    'help',
    'save --help',
    '-v',
  ]
  for (const line of [...Object.values(PRINTING), ...others]) {
    const script = `"${command}" ${line} >/dev/full`
    const { status, stderr } = spawnSync('sh', ['-c', script], { env, encoding: 'utf8' })
    assert.equal(status, 7, `${line}: ${stderr}`)
    assert.match(stderr, /Could not write the result: no space left/, line)
    assert.doesNotMatch(stderr, /\n +at /, line)
  }
})

test('every verb that only looks is among those whose result is tried', async () => {
  // They need an image, a checkpoint, an agent in the guest, a display or a terminal, or print nothing.
  const apart =
    /^(image-|save-image-|managedsave-|snapshot-(dumpxml|current|info|parent)|vncdisplay|domdisplay|domifaddr|domifstat|domtime|domhostname|top|ttyconsole|connect|cd|quit|exit)/
  for (const { name, load } of VERBS) {
    const { looks } = await load()
    if (looks === true && !apart.test(name)) assert.ok(name in PRINTING, name)
  }
})

test('define - reads standard input, and save with an empty name is refused', async () => {
  await using dir = await tempDir()
  const env = { ...process.env, STASIS_STATE_DIR: dir.join('state') }
  const emulator = qemus()[0]?.emulator ?? ''
  const input = domainXml({ name: 'web', guest: 'tiny', emulator, serial: { type: 'pty' } })
  const { stdout } = spawnSync(command, ['define', '-'], { env, input, encoding: 'utf8' })
  assert.equal(stdout, "Domain 'web' defined from -\n")
  const empty = await stasis(dir.join('state'), 'save', 'web', '')
  assert.match(empty.stderr, /^error: The path of the image is empty\n/)
  assert.equal(empty.exitCode, 2)
})

test('the dry run of host-save answers on standard output', { timeout: 60_000 }, async () => {
  await using tiny = await startTinyDomain()
  const { stdout, stderr } = await stasis(tiny.stateDir, 'host-save', '--dry-run')
  assert.match(stdout, /^tiny: would be saved, /)
  assert.equal(stderr, '')
})

test(
  'a save replaces an image and an empty file, and no other file',
  { timeout: 120_000 },
  async () => {
    await using tiny = await startTinyDomain()
    const { stateDir, dir } = tiny
    const file = dir.join('file')
    await writeFile(file, 'something else')
    const before = await readdir(dir.path)
    const refused = await stasis(stateDir, 'save', 'tiny', file)
    assert.match(
      refused.stderr,
      /^error: .*\/file exists and is not a save image\nhint: Save to another file/,
    )
    assert.equal(refused.exitCode, 7)
    assert.equal(await readFile(file, 'utf8'), 'something else')
    assert.deepEqual(await readdir(dir.path), before)
    assert.equal((await stasis(stateDir, 'domstate', 'tiny')).stdout, 'running\n')
    await writeFile(file, '')
    for (let round = 0; round < 2; round += 1) {
      assert.equal((await stasis(stateDir, 'save', 'tiny', file)).exitCode, 0)
      assert.equal((await stasis(stateDir, 'restore', file, '--mode', 'load')).exitCode, 0)
    }
    const devices = await stasis(stateDir, 'image-info', file, '--devices')
    assert.match(devices.stdout, /\n Device +Instance +Version\n/)
    assert.doesNotMatch((await stasis(stateDir, 'image-info', file)).stdout, /Instance/)
  },
)

test(
  'a domain that is being saved names the verbs for that, and a cancel has its reason',
  { timeout: 90_000 },
  async () => {
    await using tiny = await startTinyDomain()
    const { stateDir, dir } = tiny
    // Nobody reads the pipe.
    spawnSync('mkfifo', [dir.join('pipe')])
    const saving = startStasis(stateDir, ['save', 'tiny', dir.join('pipe'), '--format', 'raw'])
    while (!(await stasis(stateDir, 'domjobinfo', 'tiny')).stdout.includes('Bounded'))
      await delay(50)
    const busy = await stasis(stateDir, 'suspend', 'tiny')
    assert.match(
      busy.stderr,
      /is busy: process \d+ is running save\nhint: .*`stasis domjobinfo tiny`.*`stasis domjobabort tiny` cancels it/,
    )
    assert.equal((await stasis(stateDir, 'domjobabort', 'tiny')).exitCode, 0)
    const { stderr, exitCode } = await saving.ended
    assert.match(stderr, /\nerror: Cancelled: save domain 'tiny'\n$/)
    assert.equal(exitCode, 130)
    const { stdout } = await stasis(stateDir, 'domjobinfo', 'tiny', '--completed')
    assert.match(stdout, /Error: +Cancelled by domjobabort\n/)
  },
)

test('the end of a QEMU that a signal ended says so', { timeout: 60_000 }, async () => {
  await using dir = await tempDir()
  const stateDir = dir.join('state')
  const emulator = qemus()[0]?.emulator ?? ''
  const xml = dir.join('xml')
  await writeFile(xml, domainXml({ name: 'web', guest: 'tiny', emulator, serial: { type: 'pty' } }))
  await stasis(stateDir, 'define', xml)
  const endBy = async (signal: NodeJS.Signals): Promise<string> => {
    await stasis(stateDir, 'start', 'web')
    process.kill(Number((await stasis(stateDir, 'domid', 'web')).stdout), signal)
    let state = ''
    while (!state.startsWith('shut off'))
      state = (await stasis(stateDir, 'domstate', 'web', '--reason')).stdout
    return state
  }
  assert.match(
    await endBy('SIGKILL'),
    /^shut off \(crashed\)\nQEMU wrote no reason: a signal ended it .* SIGKILL/,
  )
  assert.match(
    await endBy('SIGTERM'),
    /^shut off \(shutdown\)\n.* terminating on signal 15 from pid \d+/,
  )
})

test('the help says which formats bypass the page cache by default', async () => {
  const defaults = SAVE_FORMATS.filter((format) => FORMATS[format].traits.bypassesCache.save)
  const { stdout } = await stasis('/nonexistent', 'save', '--help')
  const text = stdout.replaceAll(/\s+/g, ' ')
  assert.ok(text.includes(`write past the page cache (the default for ${defaults.join(' and ')})`))
  const source = await readFile(
    join(import.meta.dirname, '../../src/domain/save/save-options.ts'),
    'utf8',
  )
  const words = defaults.map((format) => `\`${format}\``).join(' and ')
  assert.ok(source.includes(`Bypass the page cache. Default: for ${words}.`))
})
