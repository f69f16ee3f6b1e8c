import { mayLockMemory } from '../../../io/processes/resource-limits.ts'
import type { Domain } from '../../../qemu/domain-xml/model/domain.ts'
import type { SystemUser } from '../../../qemu/process/system-user.ts'

/**
 * The user for a machine. One that locks all of its memory needs a limit that lets another user than root do that: without it QEMU would hang as soon as
 * it needs more memory. Where we may not raise the limit, QEMU stays root.
 */
export function userWithin(
  { memoryBacking }: Domain,
  user: SystemUser | undefined,
  onWarning: ((text: string) => void) | undefined,
): SystemUser | undefined {
  if (user === undefined || !memoryBacking.locked || mayLockMemory()) return user
  onWarning?.(
    'QEMU runs as root: it locks all of its memory, and the limit of locked memory cannot be raised for another user here',
  )
  return undefined
}

/** Whether the kernel locks memory of this machine's QEMU. */
export function locksMemory({ memoryBacking, launchSecurity, hostDevices }: Domain): boolean {
  return (
    memoryBacking.locked ||
    // The processor cannot move an encrypted page, so the kernel locks all of them.
    launchSecurity !== undefined ||
    // The device reaches all memory, which stays where it is.
    hostDevices.some(({ source }) => source.type === 'pci' || source.type === 'mdev')
  )
}
