import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { access } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { CounterLog } from './counter-log.ts'
import { guestArgv } from './guests.ts'
import type { TempDir } from './temp-dir.ts'

/** A QEMU that Stasis did not start. */
export interface HandStarted extends AsyncDisposable {
  readonly qmp: string
  readonly pid: number | undefined
  readonly argv: readonly string[]
  readonly log: CounterLog
}

/** Starts a QEMU as a person would, from a directory of their own. */
export async function startByHand(
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
    pid: child.pid,
    argv,
    log: new CounterLog(dir.join('serial')),
    async [Symbol.asyncDispose](): Promise<void> {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}
