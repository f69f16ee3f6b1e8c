import type { Refusal } from '../../errors.ts'
import { mayWatchPageFaults } from '../../qemu/host-facts.ts'

/** Why a QEMU of ours could not bring pages on demand on this host; `undefined` when it can. QEMU has the last word. */
export async function postcopyObstacle(): Promise<Refusal<'QEMU_LACKS_FEATURE'> | undefined> {
  if (await mayWatchPageFaults()) return undefined
  return {
    code: 'QEMU_LACKS_FEATURE',
    reason:
      'userfaultfd is not available to this user (sysctl vm.unprivileged_userfaultfd, or access to /dev/userfaultfd)',
  }
}
