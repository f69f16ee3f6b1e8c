import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { access } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  attachDomain,
  destroyDomain,
  domainInfo,
  listDomains,
  restoreDomain,
  restoreMachine,
  saveDomain,
  saveMachine,
} from '../src/index.ts'
import { QmpConnection } from '../src/qmp/connection.ts'
import { CounterLog } from './support/counter-log.ts'
import { guestArgv } from './support/guests.ts'
import { qemus } from './support/qemus.ts'
import { stasis } from './support/stasis-command.ts'
import { type TempDir, tempDir } from './support/temp-dir.ts'

interface HandStarted extends AsyncDisposable {
  readonly qmp: string
  readonly argv: readonly string[]
  readonly log: CounterLog
}

/** A QEMU as a person would start it, from a directory of theirs. */
async function startByHand(
  emulator: string,
  dir: TempDir,
  more: readonly string[] = [],
): Promise<HandStarted> {
  const qmp = dir.join('q')
  const argv = [
    ...['-name', 'hand', '-machine', 'q35', '-m', '16', '-display', 'none', '-nodefaults'],
    ...['-serial', 'file:serial', '-qmp', `unix:${qmp},server=on,wait=off`],
    ...['-netdev', 'user,id=n', '-device', 'virtio-net-pci,netdev=n', '-device', 'virtio-rng-pci'],
    ...guestArgv('tiny'),
  ]
  const inherited = openSync('/dev/null', 'r')
  const child = spawn(emulator, [...argv, ...more], {
    cwd: dir.path,
    stdio: ['ignore', 'ignore', 'ignore', inherited],
  })
  closeSync(inherited)
  for (const path of [qmp, dir.join('serial')]) {
    while ((await access(path).catch(() => 'absent')) === 'absent') {
      assert.equal(child.exitCode, null, 'QEMU ended at its start')
      await delay(20)
    }
  }
  return {
    qmp,
    argv,
    log: new CounterLog(dir.join('serial')),
    async [Symbol.asyncDispose](): Promise<void> {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

for (const { label, emulator } of qemus()) {
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
      assert.equal(
        (await stasis(stateDir, 'detach', 'hand')).stdout,
        "Domain 'hand' detached; it runs on\n",
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

test('what a QEMU got from another program is said before it is stopped', async () => {
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

test('a program saves and restores machines of its own', { timeout: 120_000 }, async () => {
  await using dir = await tempDir()
  const emulator = qemus()[0]?.emulator ?? ''
  await using hand = await startByHand(emulator, dir)
  await hand.log.advance(1)
  const saved = await saveMachine({ qmp: hand.qmp, path: dir.join('image'), channels: 3 })
  assert.equal(saved.name, 'hand')
  await using again = await (async () => {
    let started: HandStarted | undefined
    const { state } = await restoreMachine(dir.join('image'), {
      launch: async ({ commandLine, incoming }) => {
        assert.equal(commandLine[1], '-name')
        started = await startByHand(emulator, dir, incoming)
        return started.qmp
      },
    })
    assert.equal(state, 'running')
    return started as HandStarted
  })()
  await using qmp = await QmpConnection.connect(again.qmp)
  assert.equal((await qmp.execute('query-status')).status, 'running')
  await again.log.advance(2)
})
