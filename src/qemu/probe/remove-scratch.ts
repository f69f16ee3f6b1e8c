import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { removeTree } from '../../io/files/directory.ts'
import { endQemu } from '../process/end.ts'
import { findByMonitors } from '../process/find-by-monitors.ts'
import type { MonitorPaths } from '../process/monitors.ts'
import { commandLineOf } from '../process/process-file.ts'

/** Other watchers of the killed process may still work in the directory. */
const PATIENCE_MS = 60_000
const LOOK_MS = 100

/** Ends the QEMU of a scratch directory whose process was killed, and removes the directory. @throws QemuError, StorageError */
export async function removeScratch(path: string): Promise<void> {
  for (const qemu of await findByMonitors(scratchMonitors(path)))
    await endQemu(qemu, { force: true })
  const deadline = performance.now() + PATIENCE_MS
  while ((await isNamed(path)) && performance.now() < deadline) await delay(LOOK_MS)
  await removeTree(path)
}

/** Whether the command line of another process names a directory. */
async function isNamed(path: string): Promise<boolean> {
  for (const name of await readdir('/proc')) {
    const pid = Number(name)
    if (!Number.isInteger(pid) || pid === process.pid) continue
    const found = await commandLineOf(pid).catch(() => [])
    if (found.some((argument) => argument.includes(path))) return true
  }
  return false
}

/** The monitors of the QEMU of a scratch directory. */
export function scratchMonitors(path: string): MonitorPaths {
  return { control: join(path, 'control'), query: join(path, 'query') }
}
