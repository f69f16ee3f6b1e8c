import { mayWatchPageFaults } from '../../qemu/host-facts.ts'

/** Why a QEMU of ours could not bring pages on demand on this host; `undefined` when it can. QEMU has the last word when it is told. */
export async function postcopyObstacle(): Promise<string | undefined> {
  if (await mayWatchPageFaults()) return undefined
  return `userfaultfd is not available to this user (sysctl vm.unprivileged_userfaultfd, or access to /dev/userfaultfd)`
}
