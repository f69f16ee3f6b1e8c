import type { Refusal } from '../../errors.ts'
import { mayWatchPageFaults } from '../../qemu/host-facts.ts'

/** The reason why QEMU could not load pages on demand on this host; `undefined` when there is none. QEMU may still refuse. */
export async function postcopyObstacle(): Promise<Refusal<'QEMU_LACKS_FEATURE'> | undefined> {
  if (await mayWatchPageFaults()) return undefined
  return {
    code: 'QEMU_LACKS_FEATURE',
    reason:
      'userfaultfd is not available to this user (sysctl vm.unprivileged_userfaultfd, or access to /dev/userfaultfd)',
  }
}
