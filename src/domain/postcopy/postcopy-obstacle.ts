import { constants } from 'node:fs'
import { access, readFile } from 'node:fs/promises'

/**
 * Why a QEMU of ours could not bring pages on demand on this host; `undefined` when it can. Linux lets root, who is granted it by
 * `vm.unprivileged_userfaultfd`, and who may open `/dev/userfaultfd` (which QEMU uses since 8.1) watch page faults
 * (Linux admin-guide/mm/userfaultfd). QEMU has the last word when it is told.
 */
export async function postcopyObstacle(): Promise<string | undefined> {
  if (process.geteuid?.() === 0) return undefined
  const sysctl = '/proc/sys/vm/unprivileged_userfaultfd'
  if ((await readFile(sysctl, 'latin1').catch(() => '0')).trim() === '1') return undefined
  try {
    await access('/dev/userfaultfd', constants.R_OK | constants.W_OK)
    return undefined
  } catch {
    return `userfaultfd is not available to this user (sysctl vm.unprivileged_userfaultfd, or access to /dev/userfaultfd)`
  }
}
