import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { guestArgv, guestPaths } from '../../test/support/guests.ts'
import { ramAddressOf } from './fill-guest.ts'
import { fileArchive } from './file-archive.ts'

const MIB = 2 ** 20
const GUEST_RAM = 512 * MIB
/** The files that the guest has in its memory. */
const FILE_BYTES = 160 * MIB
const RUN_LENGTH = 65536
const BOOT_MS = 120_000

/**
 * Makes content from the memory of a real Linux guest: its kernel and its programs, and files of this host that it has unpacked into its root. Runs of 64 KiB
 * that are zero are left out. The rest is repeated, each time from another place on, which is further back than any compressor here looks.
 */
export async function makeLinuxContent(
  path: string,
  length: number,
  { directory, emulator }: { readonly directory: string; readonly emulator: string },
): Promise<void> {
  const runs = await memoryOfGuest(directory, emulator)
  const output = openSync(path, 'w', 0o600)
  const count = Math.floor(runs.length / RUN_LENGTH)
  for (let run = 0; run * RUN_LENGTH < length; run += 1) {
    const pass = Math.floor(run / count)
    const place = (run + pass * 7919) % count
    writeSync(output, runs, place * RUN_LENGTH, RUN_LENGTH)
  }
  closeSync(output)
}

async function memoryOfGuest(directory: string, emulator: string): Promise<Buffer> {
  const initrd = join(directory, 'initrd')
  const serial = join(directory, 'linux-serial')
  // The kernel unpacks archives that follow each other (Linux, initramfs buffer format).
  writeFileSync(
    initrd,
    Buffer.concat([readFileSync(guestPaths().initrd), fileArchive('/usr/lib', FILE_BYTES)]),
  )
  const argv = guestArgv('linux').map((one) => (one === guestPaths().initrd ? initrd : one))
  const child = spawn(
    emulator,
    [
      ...['-machine', 'q35,accel=tcg', '-m', `${GUEST_RAM / MIB}M`, '-nodefaults'],
      ...['-display', 'none', '-serial', `file:${serial}`, ...argv],
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  )
  try {
    await booted(serial)
    return filledRuns(child.pid ?? 0)
  } finally {
    child.kill('SIGKILL')
    if (child.exitCode === null) await once(child, 'exit')
    rmSync(initrd)
  }
}

async function booted(serial: string): Promise<void> {
  const deadline = Date.now() + BOOT_MS
  for (;;) {
    try {
      if (readFileSync(serial, 'latin1').includes('TICK')) return
    } catch {
      // QEMU has not made it.
    }
    if (Date.now() > deadline) throw new Error('the Linux guest does not boot')
    await sleep(200)
  }
}

/** The runs of a guest's RAM that are not zero. */
function filledRuns(pid: number): Buffer {
  const memory = openSync(`/proc/${pid}/mem`, 'r')
  const start = ramAddressOf(pid, GUEST_RAM)
  const runs = Buffer.alloc(GUEST_RAM)
  const zero = Buffer.alloc(RUN_LENGTH)
  let length = 0
  for (let at = 0; at < GUEST_RAM; at += RUN_LENGTH) {
    readSync(memory, runs, length, RUN_LENGTH, start + at)
    if (!runs.subarray(length, length + RUN_LENGTH).equals(zero)) length += RUN_LENGTH
  }
  closeSync(memory)
  return runs.subarray(0, length)
}
