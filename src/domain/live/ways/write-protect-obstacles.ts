import { backgroundSnapshotRefusal } from '../../../migration/background-snapshot.ts'
import { isRunning, runState } from '../../../migration/run-state.ts'
import { atLeast } from '../../../qemu/command-line/options.ts'
import { hostMemory, mayWatchPageFaults } from '../../../qemu/host-facts.ts'
import { canPermitWrites } from '../../../qemu/process/write-protection.ts'
import { systemUser } from '../../../qemu/process/system-user.ts'
import { liveDomain } from '../../catalogue/live-domain.ts'
import { parseVersion } from '../../machine/emulator.ts'
import { memoryMappings, sharedHoles } from './guest-memory.ts'
import type { LiveGuest } from './live-guest.ts'
import type { LiveObstacle, LiveObstacleCode } from './live-way.ts'
import { outsideWriters } from './outside-writers.ts'

/** What the host keeps: for us, and for QEMU's tables. */
const SPARE_BYTES = 128 * 2 ** 20

/** Why `write-protect` cannot be used for this guest; empty if it can. @throws QemuError QEMU_DIED */
export async function writeProtectObstacles(guest: LiveGuest): Promise<readonly LiveObstacle[]> {
  const { control, features, record, request } = guest
  const found: LiveObstacle[] = []
  const add = (code: LiveObstacleCode, reason: string): void =>
    void found.push({ way: 'write-protect', code, reason })
  if (request.parallel === true || request.channels !== undefined)
    add('MULTIFD_ASKED', 'QEMU sends a guest that continues over a single connection')
  for (const { code, reason } of await outsideWriters(guest)) add(code, reason)
  if (!features.capabilities.includes('background-snapshot')) {
    add('QEMU_LACKS_IT', 'QEMU has background-snapshot since 6.0')
    return found
  }
  if (isFrozenByCancel(record.qemuVersion) && !(await canPermitWrites(record.pid)))
    add(
      'CANNOT_BE_CANCELLED',
      `QEMU ${record.qemuVersion} freezes its guest for ever if a background snapshot is cancelled or fails (mended in 8.1), and this user may not free it from outside`,
    )
  if (isFrozenByCancel(record.qemuVersion) && !isRunning(await runState(control)))
    add(
      'QEMU_LACKS_IT',
      `QEMU ${record.qemuVersion} lets a guest that is paused run after a background snapshot (mended in 8.1)`,
    )
  const shortage = await memoryShortage(guest)
  if (shortage !== undefined) add('TOO_LITTLE_MEMORY', shortage)
  const refusal = await backgroundSnapshotRefusal(control)
  if (refusal !== undefined) add(await codeOf(guest), refusal)
  return found
}

/** QEMU first reads all memory, which allocates the holes of shared memory. Without room for them, the host would end a process. */
async function memoryShortage({ held, control, record }: LiveGuest): Promise<string | undefined> {
  const { memoryBytes } = await liveDomain(held.paths)
  const holes = sharedHoles(record.pid, await memoryMappings(control, record.pid, memoryBytes))
  const { availableBytes } = await hostMemory()
  if (holes <= availableBytes - SPARE_BYTES) return undefined
  return `QEMU would allocate ${mebibytes(holes)} of memory that the guest has not used, and ${mebibytes(availableBytes)} are free`
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`
}

/**
 * Whether QEMU keeps memory protected after a background snapshot that did not complete. Only its version tells: no feature shows the fix (a patch of 26 May
 * 2023, in 8.1).
 */
function isFrozenByCancel(version: string): boolean {
  return !atLeast(parseVersion(version), 8, 1)
}

/** QEMU gives one reason for several causes, so the cause is looked for on this host. */
async function codeOf({ record }: LiveGuest): Promise<LiveObstacleCode> {
  const { confinement } = record
  const user = confinement === undefined ? undefined : await systemUser(confinement.user)
  if (!(await mayWatchPageFaults(user, parseVersion(record.qemuVersion)))) return 'NO_PRIVILEGE'
  return record.commandLine.some((argument) => argument.includes('"mem-path"'))
    ? 'MEMORY_IN_FILE'
    : 'QEMU_REFUSES_IT'
}
