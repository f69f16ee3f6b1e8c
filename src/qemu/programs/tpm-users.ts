import { readdir, readlink, realpath } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { QemuError } from '../../errors.ts'
import { readProcessFile } from '../process/process-file.ts'

/** An emulator whose QEMU has just died writes its state and ends. */
const LAST_MS = 3000
const LOOK_MS = 20

/** Waits until no swtpm uses a state directory. @throws QemuError QEMU_BUSY when one keeps it */
export async function untilTpmIsUnused(directory: string): Promise<void> {
  const path = await realpath(directory).catch(() => directory)
  const deadline = performance.now() + LAST_MS
  for (;;) {
    const user = await userOf(path)
    if (user === undefined) return
    if (performance.now() > deadline)
      throw new QemuError('QEMU_BUSY', `swtpm (process ${user}) uses the TPM in ${directory}`, {
        path: directory,
        hint: 'If no guest uses this TPM, end that process',
      })
    await delay(LOOK_MS)
  }
}

async function userOf(directory: string): Promise<number | undefined> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  for (const pid of pids) {
    if ((await readProcessFile(pid, 'comm').catch(() => undefined))?.trim() !== 'swtpm') continue
    const fds = await readdir(`/proc/${pid}/fd`).catch(() => [])
    for (const fd of fds)
      if ((await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')) === directory) return pid
  }
  return undefined
}
