import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { makeTemporaryDirectory } from '../../src/io/files/temporary-directory.ts'
import { cancelMigration } from '../../src/migration/cancel.ts'
import { probeMigration } from '../../src/migration/features.ts'
import { type IncomingMigration, startIncoming } from '../../src/migration/incoming.ts'
import { type OutgoingMigration, startOutgoing } from '../../src/migration/outgoing.ts'
import { contVm, leavePostmigrate, runState, stopVm } from '../../src/migration/run-state.ts'
import { discardingServer } from '../support/discarding-server.ts'
import { qemus } from '../support/qemus.ts'
import { type SmallGuest, startSmallGuest } from '../support/small-guest.ts'

const SIZE = 64 * 1024 * 1024

/** A guest whose firmware has run for a while. */
async function runningGuest(emulator: string, extra: readonly string[] = []): Promise<SmallGuest> {
  const guest = await startSmallGuest(emulator, extra)
  await delay(200)
  return guest
}

/** A running guest with more memory content than the buffers of some sockets hold. */
async function fullGuest(emulator: string): Promise<SmallGuest> {
  await using scratch = await makeTemporaryDirectory('stasis-full-')
  const path = join(scratch.path, 'ram')
  await writeFile(path, randomBytes(SIZE))
  const backend = `memory-backend-file,id=ram,share=on,size=${SIZE},mem-path=${path}`
  return await runningGuest(emulator, ['-object', backend, '-machine', 'memory-backend=ram'])
}

async function save(guest: SmallGuest, uri: string, channels = 0): Promise<OutgoingMigration> {
  const features = await probeMigration(guest.qmp)
  await stopVm(guest.qmp)
  return startOutgoing(guest.qmp, { uri, features, channels })
}

async function saveToFile(guest: SmallGuest): Promise<string> {
  const path = join(guest.directory, 'image')
  await using migration = await save(guest, `exec:cat > ${path}`)
  await migration.completed()
  return path
}

/** Starts a load from a unix socket and, when there are bytes, sends them there. */
async function load(guest: SmallGuest, bytes?: Buffer, channels = 0): Promise<IncomingMigration> {
  const path = join(guest.directory, 'in')
  const features = await probeMigration(guest.qmp)
  const migration = await startIncoming(guest.qmp, { uri: `unix:${path}`, features, channels })
  if (bytes !== undefined) {
    const socket = createConnection(path)
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    socket.end(bytes)
  }
  return migration
}

/** Capabilities that are on. */
async function switchedOn(guest: SmallGuest): Promise<readonly string[]> {
  const capabilities = await guest.qmp.execute('query-migrate-capabilities')
  return capabilities.filter(({ state }) => state).map(({ capability }) => capability)
}

for (const { label, emulator } of qemus()) {
  test(`startOutgoing() writes an image that another QEMU loads and runs [${label}]`, async () => {
    await using source = await runningGuest(emulator)
    const path = await saveToFile(source)
    assert.ok((await stat(path)).size > 100_000)
    await using target = await startSmallGuest(emulator, ['-incoming', 'defer', '-S'])
    const migration = await load(target, await readFile(path))
    await migration.completed()
    assert.equal((await migration.progress()).phase, 'completed')
    assert.equal(await contVm(target.qmp), 'paused')
    assert.equal(await runState(target.qmp), 'running')
  })

  for (const channels of [0, 1, 4]) {
    test(`contVm() resumes the guest after a complete save over ${channels} channels, and it can be saved again [${label}]`, async () => {
      await using guest = await runningGuest(emulator)
      for (const round of [1, 2]) {
        await using server = await discardingServer(join(guest.directory, `s${round}`))
        await using migration = await save(guest, server.uri, channels)
        const stats = await migration.completed()
        assert.equal(server.connections.length, channels + 1)
        assert.equal(stats.ram?.remainingBytes, 0)
        assert.ok(stats.ram.totalBytes >= SIZE)
        assert.equal(await contVm(guest.qmp), 'postmigrate')
        assert.equal(await runState(guest.qmp), 'running')
      }
      assert.deepEqual(await switchedOn(guest), ['events'])
      const parameters = await guest.qmp.execute('query-migrate-parameters')
      assert.equal(parameters['max-bandwidth'], 134217728)
      assert.equal(parameters['multifd-channels'], 2)
    })
  }

  test(`startOutgoing() works again for a guest that is stopped since a complete save [${label}]`, async () => {
    await using guest = await fullGuest(emulator)
    await saveToFile(guest)
    await saveToFile(guest)
    assert.equal(await runState(guest.qmp), 'postmigrate')
    await leavePostmigrate(guest.qmp)
    assert.equal(await runState(guest.qmp), 'paused')
  })

  for (const channels of [0, 4]) {
    test(`cancel() ends a save whose receiver does not read, over ${channels} channels [${label}]`, async () => {
      await using guest = await fullGuest(emulator)
      await using server = await discardingServer(join(guest.directory, 's'), { stalled: true })
      await using migration = await save(guest, server.uri, channels)
      await server.heardFrom(channels + 1)
      await migration.cancel()
      await assert.rejects(migration.completed(), { code: 'CANCELLED' })
      assert.equal((await migration.progress()).phase, 'cancelled')
      await migration[Symbol.asyncDispose]()
      assert.deepEqual(await switchedOn(guest), ['events'])
      assert.equal(await runState(guest.qmp), 'paused')
      await saveToFile(guest)
      await contVm(guest.qmp)
    })
  }

  test(`completed() throws CANCELLED and the guest can be resumed when the signal is aborted [${label}]`, async () => {
    await using guest = await fullGuest(emulator)
    await using server = await discardingServer(join(guest.directory, 's'), { stalled: true })
    const features = await probeMigration(guest.qmp)
    await stopVm(guest.qmp)
    const abort = new AbortController()
    const options = { uri: server.uri, features, channels: 2, signal: abort.signal }
    await using migration = await startOutgoing(guest.qmp, options)
    setTimeout(() => abort.abort(), 50)
    await assert.rejects(migration.completed(), { code: 'CANCELLED' })
    await contVm(guest.qmp)
  })

  test(`cancelMigration() ends a migration that a killed process left active [${label}]`, async () => {
    await using guest = await fullGuest(emulator)
    assert.equal(await cancelMigration(guest.qmp), undefined)
    await using server = await discardingServer(join(guest.directory, 's'), { stalled: true })
    await save(guest, server.uri, 2)
    const end = await cancelMigration(guest.qmp)
    assert.equal(end?.phase, 'cancelled')
    await contVm(guest.qmp)
  })

  for (const channels of [0, 4]) {
    test(`completed() throws MIGRATION_FAILED when the receiver disconnects, over ${channels} channels [${label}]`, async () => {
      await using guest = await fullGuest(emulator)
      const server = await discardingServer(join(guest.directory, 's'), { stalled: true })
      await using migration = await save(guest, server.uri, channels)
      await server.heardFrom(channels + 1)
      await server[Symbol.asyncDispose]()
      await assert.rejects(migration.completed(), { code: 'MIGRATION_FAILED' })
      await migration[Symbol.asyncDispose]()
      assert.deepEqual(await switchedOn(guest), ['events'])
      await contVm(guest.qmp)
      await using next = await discardingServer(join(guest.directory, 't'))
      await using again = await save(guest, next.uri, channels)
      await again.completed()
      await contVm(guest.qmp)
    })
  }

  test(`completed() names the reason when nobody listens [${label}]`, async () => {
    await using guest = await fullGuest(emulator)
    await assert.rejects(
      async () => {
        await using migration = await save(guest, 'unix:/nonexistent/socket', 2)
        await migration.completed()
      },
      { code: 'MIGRATION_FAILED', message: /Failed to connect to '\/nonexistent\/socket'/ },
    )
    await contVm(guest.qmp)
  })

  test(`startOutgoing() puts the settings back when QEMU refuses the URI [${label}]`, async () => {
    await using guest = await fullGuest(emulator)
    await assert.rejects(save(guest, 'nonsense:', 2), {
      code: 'QEMU_REFUSED',
      operation: 'migrate',
    })
    assert.deepEqual(await switchedOn(guest), ['events'])
    await contVm(guest.qmp)
  })

  test(`completed() throws QEMU_DIED at once when QEMU is killed during a save [${label}]`, async () => {
    await using guest = await fullGuest(emulator)
    await using server = await discardingServer(join(guest.directory, 's'), { stalled: true })
    await using migration = await save(guest, server.uri, 4)
    const start = performance.now()
    process.kill(guest.process.pid, 'SIGKILL')
    await assert.rejects(migration.completed(), { code: 'QEMU_DIED' })
    assert.ok(performance.now() - start < 2000)
  })

  test(`completed() throws QEMU_DIED when QEMU is killed during a load [${label}]`, async () => {
    await using guest = await startSmallGuest(emulator, ['-incoming', 'defer', '-S'])
    const migration = await load(guest, undefined, 2)
    process.kill(guest.process.pid, 'SIGKILL')
    await assert.rejects(migration.completed(), { code: 'QEMU_DIED' })
  })

  test(`completed() gives QEMU's reason when the stream is truncated or not a stream [${label}]`, async () => {
    await using source = await runningGuest(emulator)
    const path = await saveToFile(source)
    const whole = await readFile(path)
    for (const [bytes, reason] of [
      [whole.subarray(0, whole.length >> 1), /section id \d+\(ram\)/],
      [whole.subarray(0, 20), /load of migration failed: Input\/output error/],
      [Buffer.alloc(0), /load of migration failed: (Input\/output error|Invalid argument)/],
      [Buffer.from('garbage'.repeat(1000)), /Not a migration stream/],
    ] as const) {
      await using target = await startSmallGuest(emulator, ['-incoming', 'defer', '-S'])
      const migration = await load(target, bytes)
      await assert.rejects(migration.completed(), { code: 'MIGRATION_FAILED', message: reason })
    }
  })

  test(`startIncoming() loads the wrong machine with QEMU's own reason [${label}]`, async () => {
    await using source = await runningGuest(emulator)
    const bytes = await readFile(await saveToFile(source))
    await using target = await startSmallGuest(emulator, ['-incoming', 'defer', '-S', '-m', '32'])
    const migration = await load(target, bytes)
    await assert.rejects(migration.completed(), {
      code: 'MIGRATION_FAILED',
      message: /Size mismatch: pc\.ram/,
    })
  })

  test(`startIncoming() fails with the reason when QEMU refuses the URI [${label}]`, async () => {
    await using guest = await startSmallGuest(emulator, ['-incoming', 'defer', '-S'])
    const features = await probeMigration(guest.qmp)
    const started = startIncoming(guest.qmp, { uri: 'unix:/nonexistent/in', features })
    await assert.rejects(started, { code: 'QEMU_REFUSED', message: /Failed to bind socket/ })
  })

  test(`startOutgoing() writes a mapped-ram file that loads [${label}]`, async (context) => {
    await using source = await runningGuest(emulator)
    const features = await probeMigration(source.qmp)
    if (!features.mappedRam || !features.fileUri) {
      await assert.rejects(
        startOutgoing(source.qmp, { uri: 'file:/tmp/x', features, mappedRam: true }),
        { code: 'QEMU_LACKS_FEATURE' },
      )
      return context.diagnostic('this QEMU has no mapped-ram')
    }
    await stopVm(source.qmp)
    const uri = `file:${join(source.directory, 'mapped')},offset=0x10000`
    const options = { uri, features, mappedRam: true, channels: 2, directIo: features.directIo }
    await using migration = await startOutgoing(source.qmp, options)
    await migration.completed()
    await using target = await startSmallGuest(emulator, ['-incoming', 'defer', '-S'])
    const incoming = await startIncoming(target.qmp, options)
    await incoming.completed()
    await contVm(target.qmp)
  })
}
