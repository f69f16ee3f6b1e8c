import { readdir, realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { storageError } from '../../io/storage-error.ts'
import { type MonitorPaths, controlSocketIn } from './monitors.ts'
import { commandLineOf } from './process-file.ts'
import { type ProcessIdentity, identifyProcess } from './process-identity.ts'

/** Whether a process is a QEMU that was started with these monitors. @throws StorageError */
export async function hasMonitors(pid: number, monitors: MonitorPaths): Promise<boolean> {
  const socket = controlSocketIn(await commandLineOf(pid))
  return socket !== undefined && (await placeOf(socket)) === (await placeOf(monitors.control))
}

/** The QEMUs that were started with these monitors, recorded or not. @throws StorageError */
export async function findByMonitors(monitors: MonitorPaths): Promise<readonly ProcessIdentity[]> {
  const names = await readdir('/proc').catch((error: unknown) => {
    throw storageError('look at the processes of this host', '/proc', error)
  })
  const pids = names.filter((name) => /^\d+$/.test(name)).map(Number)
  const found = await Promise.all(
    pids.map(async (pid) =>
      (await hasMonitors(pid, monitors)) ? identifyProcess(pid) : undefined,
    ),
  )
  return found.filter((identity) => identity !== undefined)
}

/** A canonical form of a path, independent of links. */
async function placeOf(path: string): Promise<string> {
  const directory = await realpath(dirname(path)).catch(() => dirname(path))
  return join(directory, basename(path))
}
