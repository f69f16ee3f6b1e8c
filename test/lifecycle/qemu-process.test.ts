import assert from 'node:assert/strict'
import { mkdtemp, open, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { endQemu } from '../../src/qemu/process/end.ts'
import { findEmulator } from '../../src/qemu/probe/find-emulator.ts'
import { launchQemu } from '../../src/qemu/process/launch.ts'
import { canonicalMachine, probeQemu } from '../../src/qemu/probe/probe.ts'
import { identifyProcess, isAlive } from '../../src/qemu/process/process-identity.ts'
import { QmpConnection } from '../../src/qmp/connection.ts'
import { qemus } from '../support/qemus.ts'
import { startSmallGuest } from '../support/small-guest.ts'

async function scratch(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'stasis-launch-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}

function monitorsIn(directory: string): { control: string; query: string } {
  return { control: join(directory, 'a,b'), query: join(directory, 'q') }
}

for (const { label: name, emulator } of qemus()) {
  test(`launchQemu() gives a QEMU of its own session whose two monitors answer [${name}]`, async () => {
    await using guest = await startSmallGuest(emulator, ['-S'])
    assert.equal((await guest.qmp.execute('query-status')).status, 'prelaunch')
    await using query = await QmpConnection.connect(guest.monitors.query)
    assert.equal((await query.execute('query-status')).running, false)
    const devices = await guest.qmp.execute('query-chardev')
    const start = devices.find((device) => device.label === 'char-stasis-start')
    assert.match(start?.filename ?? '', /^disconnected/, 'the monitor of the start has no client')
    const line = await readFile(`/proc/${guest.process.pid}/stat`, 'latin1')
    const session = Number(line.slice(line.lastIndexOf(')') + 2).split(' ')[3])
    assert.equal(session, guest.process.pid)
    assert.equal((await stat(guest.process.logPath)).mode & 0o777, 0o600)
  })

  test(`connect() throws QEMU_BUSY when another client holds the monitor [${name}]`, async () => {
    await using guest = await startSmallGuest(emulator, ['-S'])
    for (const _ of [1, 2, 3, 4]) {
      const second = QmpConnection.connect(guest.monitors.control, { timeoutMs: 100 })
      await assert.rejects(second, { code: 'QEMU_BUSY' })
    }
    await guest.qmp.close()
    await using next = await QmpConnection.connect(guest.monitors.control)
    assert.equal((await next.execute('query-status')).status, 'prelaunch')
  })

  test(`launchQemu() passes descriptors on as 3, 4, … [${name}]`, async () => {
    await using file = await open(import.meta.filename, 'r')
    await using guest = await startSmallGuest(emulator, ['-add-fd', 'set=7,fd=3'], [file.fd])
    const [set] = await guest.qmp.execute('query-fdsets')
    assert.equal(set?.['fdset-id'], 7)
  })

  test(`launchQemu() fails with the reason in QEMU's words when its arguments are wrong [${name}]`, async () => {
    await using directory = await scratch()
    await writeFile(join(directory.path, 'qemu.log'), 'an earlier line\n')
    const launched = launchQemu({
      emulator,
      argv: ['-display', 'none', '-device', 'flux-capacitor'],
      directory: directory.path,
      monitors: monitorsIn(directory.path),
    })
    await assert.rejects(launched, (error: { code: string; message: string }) => {
      assert.equal(error.code, 'QEMU_START_FAILED')
      assert.match(error.message, /exit code 1\): .*'flux-capacitor' is not a valid device/s)
      assert.doesNotMatch(error.message, /earlier/)
      return true
    })
  })

  test(`launchQemu() leaves no process when its signal is aborted [${name}]`, async () => {
    await using directory = await scratch()
    const abort = new AbortController()
    let pid = 0
    const launched = launchQemu({
      emulator,
      argv: ['-display', 'none', '-S', '-nodefaults'],
      directory: directory.path,
      monitors: monitorsIn(directory.path),
      onSpawned: (identity) => {
        pid = identity.pid
        setTimeout(() => abort.abort(), 1)
      },
      signal: abort.signal,
    })
    await assert.rejects(launched, { code: 'CANCELLED' })
    assert.equal(await identifyProcess(pid), undefined)
  })

  test(`endQemu() ends QEMU gently, and by force when it does not answer [${name}]`, async () => {
    await using first = await startSmallGuest(emulator)
    assert.equal(await endQemu(first.process.identity, { qmp: first.qmp }), 'quit')
    assert.equal(await endQemu(first.process.identity), 'gone-already')
    await using second = await startSmallGuest(emulator)
    assert.equal(await endQemu(second.process.identity), 'SIGTERM')
    await using third = await startSmallGuest(emulator)
    process.kill(third.process.pid, 'SIGSTOP')
    const options = { qmp: third.qmp, gentleMs: 50 }
    assert.equal(await endQemu(third.process.identity, options), 'SIGKILL')
  })

  test(`endQemu() does not signal a process that has taken over the pid [${name}]`, async () => {
    await using guest = await startSmallGuest(emulator)
    const { identity } = guest.process
    const earlier = { ...identity, startTime: identity.startTime - 1 }
    assert.equal(await endQemu(earlier), 'gone-already')
    assert.equal(await isAlive(identity), true)
  })

  test(`execute() fails with QEMU's last words when it ends [${name}]`, async () => {
    await using guest = await startSmallGuest(emulator)
    // Before its main loop runs, QEMU has no handler for the signal and ends without a word.
    await guest.qmp.execute('query-status')
    process.kill(guest.process.pid, 'SIGTERM')
    await guest.qmp.closed
    await assert.rejects(guest.qmp.execute('query-status'), {
      code: 'QEMU_DIED',
      message: /last output: .*terminating on signal 15/s,
    })
  })

  test(`probeQemu() returns version and machines, and remembers them [${name}]`, async () => {
    await using cache = await scratch()
    const probed = await probeQemu(emulator, { cacheDirectory: cache.path })
    assert.match(probed.version, /^\d+\.\d+\.\d+$/)
    assert.equal(canonicalMachine(probed, 'q35')?.startsWith('pc-q35-'), true)
    assert.equal(canonicalMachine(probed, 'pc-q35-7.2'), 'pc-q35-7.2')
    assert.equal(canonicalMachine(probed, 'pdp-11'), undefined)
    const machine = probed.machines.find(({ alias }) => alias === 'q35')
    assert.equal(machine?.defaultRamId, 'pc.ram')
    assert.equal((await readdir(cache.path)).length, 1)
    assert.equal(await probeQemu(emulator), probed)
  })
}

test('launchQemu() throws QEMU_NOT_FOUND when the emulator does not exist', async () => {
  await using directory = await scratch()
  const options = { argv: [], directory: directory.path, monitors: monitorsIn(directory.path) }
  await assert.rejects(launchQemu({ emulator: '/nonexistent/qemu', ...options }), {
    code: 'QEMU_NOT_FOUND',
  })
})

test('findEmulator() names the package when there is none', async () => {
  assert.match(await findEmulator(), /qemu-system-x86_64$/)
  await assert.rejects(findEmulator({ emulator: '/nonexistent/qemu' }), {
    code: 'QEMU_NOT_FOUND',
    hint: /apt-get install qemu-system-x86/,
  })
  await assert.rejects(findEmulator({ architecture: 'pdp11', searchPath: '' }), {
    code: 'QEMU_NOT_FOUND',
  })
})
