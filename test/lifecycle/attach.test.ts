import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  attachDomain,
  checkSave,
  destroyDomain,
  detachDomain,
  domainInfo,
  listDomains,
  restoreDomain,
  restoreMachine,
  saveDomain,
  saveMachine,
} from '../../src/index.ts'
import { QmpConnection } from '../../src/qmp/connection.ts'
import { type HandStarted, startByHand } from '../support/hand-started.ts'
import { newestQemu, qemus } from '../support/qemus.ts'
import { stasis } from '../support/stasis-command.ts'
import { tempDir } from '../support/temp-dir.ts'

const STASIS = join(import.meta.dirname, '../../bin/stasis')

for (const { label, emulator } of newestQemu()) {
  test(
    `a QEMU ${label} started by hand is attached, saved and restored`,
    { timeout: 180_000 },
    async () => {
      await using dir = await tempDir()
      const stateDir = dir.join('state')
      await using hand = await startByHand(emulator, dir)
      const { log } = hand
      await log.advance(1)
      const attached = await stasis(stateDir, 'attach', '--qmp', hand.qmp)
      assert.match(attached.stdout, /^Domain 'hand' attached \(process \d+\)\n$/, attached.stderr)
      assert.equal((await domainInfo('hand', { stateDir })).state, 'running')
      // It ends when its reader has gone.
      const line = `'${STASIS}' --state-dir '${stateDir}' console hand | head -n 1`
      assert.match(execFileSync('sh', ['-c', line], { encoding: 'utf8' }), /^CNT [0-9a-f]{8} SUM/)
      assert.equal(
        (await stasis(stateDir, 'detach', 'hand')).stdout,
        "Domain 'hand' detached; its QEMU keeps running\n",
      )
      assert.deepEqual(await listDomains({ stateDir, all: true }), [])
      await log.advance(1)
      await attachDomain(hand.qmp, { stateDir, name: 'mine' })
      try {
        for (let round = 0; round < 2; round++) {
          await saveDomain('mine', dir.join('image'), { stateDir })
          await restoreDomain(dir.join('image'), { stateDir })
          await log.advance(2)
        }
      } finally {
        await destroyDomain('mine', { stateDir }).catch(() => undefined)
      }
    },
  )
}

test('a save of a QEMU with things from another program is refused before the guest is stopped', async () => {
  await using dir = await tempDir()
  const stateDir = dir.join('state')
  const emulator = qemus()[0]?.emulator ?? ''
  await using hand = await startByHand(emulator, dir, ['-add-fd', 'fd=3,set=7'])
  await hand.log.advance(1)
  const { obstacles } = await attachDomain(hand.qmp, { stateDir })
  assert.deepEqual(obstacles, ['-add-fd fd=3,set=7 passes an inherited descriptor'])
  const phases = new Set<string>()
  const onProgress = ({ phase }: { readonly phase: string }): unknown => phases.add(phase)
  await assert.rejects(saveDomain('hand', dir.join('image'), { stateDir, onProgress }), {
    code: 'QEMU_REFUSED',
    message: /cannot be saved: .*-add-fd fd=3,set=7 passes an inherited descriptor/,
  })
  assert.equal(phases.has('stopping'), false)
  await hand.log.advance(1)
})

for (const { label, emulator } of newestQemu()) {
  test(`a save of a QEMU ${label} with devices plugged in or out is refused before the guest is stopped`, async () => {
    await using dir = await tempDir()
    const stateDir = dir.join('state')
    const more = ['-device', 'pcie-root-port,id=root', '-device', 'virtio-serial-pci,id=ports']
    await using hand = await startByHand(emulator, dir, [
      ...more,
      ...['-device', 'virtserialport,id=one', '-device', '{"driver":"virtserialport","id":"two"}'],
    ])
    await hand.log.advance(1)
    assert.deepEqual((await attachDomain(hand.qmp, { stateDir })).obstacles, [])
    {
      await using qmp = await QmpConnection.connect(hand.qmp)
      await qmp.execute('device_add', { driver: 'virtio-rng-pci', id: 'late', bus: 'root' })
      // Such a port is removed without the guest's consent.
      await qmp.execute('device_del', { id: 'two' })
    }
    const changes = [
      'the device late (virtio-rng-pci) was plugged in after its start',
      'the device two of its command line was unplugged',
    ]
    const { obstacles } = await checkSave('hand', dir.join('image'), { stateDir })
    assert.equal(obstacles.length, 1)
    for (const change of changes) assert.ok(obstacles[0]?.includes(change), obstacles[0])
    await assert.rejects(saveDomain('hand', dir.join('image'), { stateDir }), {
      code: 'QEMU_REFUSED',
      message: /cannot be started again in the same way: .*late.*two/,
    })
    await hand.log.advance(1)
    await detachDomain('hand', { stateDir })
    assert.deepEqual((await attachDomain(hand.qmp, { stateDir })).obstacles, changes)
  })
}

test('attach reports a disk that the command line does not lead to', async () => {
  await using dir = await tempDir()
  const stateDir = dir.join('state')
  const emulator = qemus()[0]?.emulator ?? ''
  await writeFile(dir.join('one,two.img'), Buffer.alloc(1 << 20))
  const disk = `file=${dir.join('one,,two.img')},format=raw,if=none,id=d`
  const argv = ['-drive', disk, '-device', 'virtio-blk-pci,drive=d,id=vd']
  await using hand = await startByHand(emulator, dir, argv)
  await hand.log.advance(1)
  assert.deepEqual((await attachDomain(hand.qmp, { stateDir })).obstacles, [])
  {
    await using qmp = await QmpConnection.connect(hand.qmp)
    await qmp.executeAny('blockdev-snapshot-sync', {
      device: 'd',
      'snapshot-file': dir.join('later.qcow2'),
    })
  }
  await assert.rejects(saveDomain('hand', dir.join('image'), { stateDir }), {
    message: new RegExp(
      `its disk d is ${dir.join('later.qcow2')}, which its command line does not`,
    ),
  })
  await hand.log.advance(1)
})

test('a program saves and restores its own machines', { timeout: 120_000 }, async () => {
  await using dir = await tempDir()
  const emulator = qemus()[0]?.emulator ?? ''
  await using hand = await startByHand(emulator, dir)
  await hand.log.advance(1)
  const saved = await saveMachine({ qmp: hand.qmp, path: dir.join('image'), channels: 3 })
  assert.equal(saved.name, 'hand')
  await using again = await (async () => {
    let started: HandStarted | undefined
    const { state, id, mode } = await restoreMachine(dir.join('image'), {
      mode: 'auto',
      launch: async ({ commandLine, incoming }) => {
        assert.equal(commandLine[1], '-name')
        assert.doesNotMatch(commandLine.join(' '), /-qmp|daemonize|pidfile/)
        started = await startByHand(emulator, dir, incoming)
        return started.qmp
      },
    })
    assert.equal(state, 'running')
    assert.equal(mode, 'load')
    assert.equal(id, started?.pid)
    return started as HandStarted
  })()
  await using qmp = await QmpConnection.connect(again.qmp)
  assert.equal((await qmp.execute('query-status')).status, 'running')
  await again.log.advance(2)
})

test('a program starts its machine again from what the image says, with a monitor of ours', async () => {
  await using dir = await tempDir()
  const emulator = qemus()[0]?.emulator ?? ''
  await using hand = await startByHand(emulator, dir)
  await hand.log.advance(1)
  await saveMachine({ qmp: hand.qmp, path: dir.join('image') })
  let started: ChildProcess | undefined
  try {
    const { id, timing } = await restoreMachine(dir.join('image'), {
      launch: ({ commandLine: [program = '', ...args], cwd, incoming, monitor }) => {
        started = spawn(program, [...args, ...incoming, ...monitor], { cwd, stdio: 'ignore' })
      },
    })
    assert.equal(id, started?.pid)
    assert.ok(timing.totalMs >= timing.loadMs)
    // The new QEMU begins the file anew.
    await hand.log.advance(3)
    await hand.log.assertUnbroken()
  } finally {
    started?.kill('SIGKILL')
  }
  await assert.rejects(
    restoreMachine(dir.join('image'), { launch: () => undefined, launchTimeoutMs: 100 }),
    { code: 'QEMU_TIMEOUT' },
  )
})
