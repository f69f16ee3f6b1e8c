import { StorageError } from '../../errors.ts'
import { type EndOptions, endQemu } from '../../qemu/process/end.ts'
import { hasMonitors } from '../../qemu/process/find-by-monitors.ts'
import { commandLineOf, executableOf } from '../../qemu/process/process-file.ts'
import { isAlive } from '../../qemu/process/process-identity.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'
import type { RuntimeRecord } from '../store/runtime-record.ts'

/**
 * Whether the QEMU of a record runs. It is identified by its pid, its start time, its executable, and the monitors of this domain on its command
 * line; one that Stasis did not start by its whole command line.
 * @throws StorageError STATE_UNREADABLE when that very process runs and is not a QEMU of this domain, and when this is unknown
 */
export async function isRunning(paths: RuntimePaths, record: RuntimeRecord): Promise<boolean> {
  if (!(await isAlive(record))) return false
  if (await isOurs(paths, record)) return true
  // A process that is ending has no command line, for as long as the kernel frees its memory, and only then is dead.
  if ((await commandLineOf(record.pid)).length === 0) return false
  throw new StorageError(
    'STATE_UNREADABLE',
    `${paths.process} names process ${record.pid}, which is not a QEMU of this domain`,
    {
      path: paths.process,
      hint: 'Stasis did not write this file, or it was changed, so Stasis ends no process. Move the file away',
    },
  )
}

/**
 * Ends the QEMU of a record, if it runs.
 * @throws StorageError STATE_UNREADABLE when the process is not a QEMU of this domain; QemuError QEMU_TIMEOUT
 */
export async function endRecorded(
  paths: RuntimePaths,
  record: RuntimeRecord,
  options: EndOptions = {},
): Promise<void> {
  if (await isRunning(paths, record)) await endQemu(record, options)
}

/** The monitors of every QEMU of a domain. */
export function monitorsOf(paths: RuntimePaths): {
  readonly control: string
  readonly query: string
} {
  return { control: paths.controlSocket, query: paths.querySocket }
}

async function isOurs(paths: RuntimePaths, record: RuntimeRecord): Promise<boolean> {
  const { pid, executable, attached, commandLine } = record
  const program = executable === undefined ? undefined : await executableOf(pid)
  if (program !== undefined && program !== executable) return false
  if (await hasMonitors(pid, monitorsOf(paths))) return true
  if (attached === undefined) return false
  const found = await commandLineOf(pid)
  return (
    found.length === commandLine.length &&
    found.every((argument, index) => argument === commandLine[index])
  )
}
