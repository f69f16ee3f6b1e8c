import type { Refusal } from '../../errors.ts'
import type { QemuVersion } from '../../qemu/command-line/options.ts'
import { mayWatchPageFaults } from '../../qemu/host-facts.ts'
import type { SystemUser } from '../../qemu/process/system-user.ts'

/**
 * The reason why a QEMU could not load pages on demand on this host; `undefined` when there is none. QEMU may still refuse. `user` is the one that it
 * changes to.
 */
export async function postcopyObstacle(
  user: SystemUser | undefined,
  version: QemuVersion,
): Promise<Refusal<'QEMU_LACKS_FEATURE'> | undefined> {
  if (await mayWatchPageFaults(user, version)) return undefined
  const remedy = '(sysctl vm.unprivileged_userfaultfd, or access to /dev/userfaultfd with QEMU 8.1)'
  return {
    code: 'QEMU_LACKS_FEATURE',
    reason:
      user === undefined
        ? `userfaultfd is not available to this user ${remedy}`
        : `userfaultfd is not available to the user ${user.name} ${remedy}; \`stasis doctor\` shows more`,
  }
}
