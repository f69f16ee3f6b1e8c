import { setTimeout as delay } from 'node:timers/promises'
import { QemuError } from '../../errors.ts'
import { readTail } from '../../io/records/log-file.ts'
import { isThere } from '../../io/files/file-names.ts'
import { needsReservations, reservationSocket } from '../command-line/storage/disk-nodes.ts'
import type { Domain } from '../domain-xml/model/domain.ts'
import { BoundProcess } from '../process/bound-process.ts'
import { type Companion, requireCompanion } from './find-program.ts'

/** What makes reservations on SCSI devices. */
export const PR_HELPER: Companion = {
  name: 'qemu-pr-helper',
  purpose: 'makes reservations on SCSI devices for a guest',
  package: 'qemu-system-common',
  directories: ['/usr/bin', '/usr/libexec', '/usr/lib/qemu'],
}

const READY_MS = 10_000
const LOOK_MS = 5
const MAX_TAIL = 2000

/**
 * Starts the program that makes reservations for a machine, where it needs one; it ends when QEMU does.
 * @throws QemuError QEMU_LACKS_FEATURE when it is not installed, QEMU_START_FAILED with its own reason; StorageError
 */
export async function startReservations(
  { disks }: Pick<Domain, 'disks'>,
  directory: string,
  log: string,
): Promise<BoundProcess | undefined> {
  if (!disks.some(needsReservations)) return undefined
  const program = await requireCompanion(PR_HELPER)
  const socket = reservationSocket(directory)
  const started = await BoundProcess.start(program, ['--socket', socket], log)
  const deadline = performance.now() + READY_MS
  while (!(await isThere(socket))) {
    if (performance.now() > deadline) {
      started[Symbol.dispose]()
      throw new QemuError(
        'QEMU_START_FAILED',
        `${PR_HELPER.name} did not start: ${readTail(log, 0, MAX_TAIL)}`,
        { operation: 'make reservations' },
      )
    }
    await delay(LOOK_MS)
  }
  return started
}
