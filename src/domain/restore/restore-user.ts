import type { SavedMachine } from '../../image/saved-machine.ts'
import { mayWatchPageFaults } from '../../qemu/host-facts.ts'
import type { SystemUser } from '../../qemu/process/system-user.ts'
import { DEFAULT_QEMU_USER, whereUserIsChosen, qemuUser } from '../machine/qemu-user.ts'
import { isFromHere } from '../trust/trust.ts'
import type { Directories } from '../store/directories.ts'
import type { RestorePlan } from './restore-plan.ts'
import type { RestoreOptions } from './restore-request.ts'

/**
 * The user that the QEMU of a restore changes to; `undefined`: it keeps ours. A lazy restore that was asked for has priority: where the user may not
 * use userfaultfd, its QEMU stays root. Warns of a QEMU that runs as root although it is confined elsewhere, or although its image is from elsewhere.
 * @throws UsageError for an unknown user, StorageError
 */
export async function restoreUser(
  image: SavedMachine,
  plan: RestorePlan,
  directories: Directories,
  options: Pick<RestoreOptions, 'mode' | 'onWarning'>,
): Promise<SystemUser | undefined> {
  const user = await qemuUser()
  const warn = options.onWarning ?? (() => undefined)
  if (user === undefined) {
    const root = process.geteuid?.() === 0
    const chosen = await whereUserIsChosen()
    if (root && chosen === undefined && !(await isFromHere(image.description, directories)))
      warn(
        `the image is from elsewhere, and its QEMU runs as root: \`stasis doctor --fix\` makes the user ${DEFAULT_QEMU_USER} for it`,
      )
    return undefined
  }
  if (plan.recorded !== undefined) {
    warn('QEMU runs as root: its recorded command line may need that later')
    return undefined
  }
  const { version, probed } = plan.emulator
  if (options.mode !== 'lazy' || (await mayWatchPageFaults(user, version))) return user
  warn(
    `QEMU ${probed.version} runs as root: for a lazy restore the user ${user.name} needs userfaultfd; \`stasis doctor\` shows how`,
  )
  return undefined
}
