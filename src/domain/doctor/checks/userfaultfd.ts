import { setOwnerAndMode } from '../../../io/files/directory.ts'
import { isThere } from '../../../io/files/file-names.ts'
import { writeText } from '../../../io/records/text-file.ts'
import { type QemuVersion, atLeast } from '../../../qemu/command-line/options.ts'
import { USERFAULTFD_DEVICE, mayWatchPageFaults } from '../../../qemu/host-facts.ts'
import type { SystemUser } from '../../../qemu/process/system-user.ts'
import { type Diagnosis, type HealthCheck, right } from '../health-check.ts'
import { emulatorsOf } from '../emulators.ts'

const UDEV_RULES = '/etc/udev/rules.d'
const RULE = `${UDEV_RULES}/70-stasis-userfaultfd.rules`

/** Whether lazy restores work, and as which user their QEMU runs. */
export const USERFAULTFD: HealthCheck = {
  name: 'userfaultfd',
  async look({ root, user, directories, signal }) {
    if (root && user === undefined) return [right('lazy restores work: QEMU runs as root')]
    const found: Diagnosis[] = []
    for (const { probed, version } of await emulatorsOf(directories, signal)) {
      const qemu = `QEMU ${probed.version}`
      if (await mayWatchPageFaults(user, version))
        found.push(right(`lazy restores work with ${qemu}`))
      else found.push(await lacks(qemu, user, version))
    }
    return found
  },
}

const SYSCTL =
  'or allow every process of this host to use userfaultfd: `sysctl vm.unprivileged_userfaultfd=1`'

async function lacks(
  qemu: string,
  user: SystemUser | undefined,
  version: QemuVersion,
): Promise<Diagnosis> {
  if (user === undefined)
    return {
      verdict: 'warning',
      text: `lazy restores do not work with ${qemu}: this user may not use userfaultfd`,
      remedy: `Let the user read and write ${USERFAULTFD_DEVICE} (QEMU 8.1), ${SYSCTL}`,
    }
  const text = `\`restore --mode lazy\` runs ${qemu} as root: the user ${user.name} may not use userfaultfd`
  if (!atLeast(version, 8, 1) || !(await isThere(USERFAULTFD_DEVICE)))
    return {
      verdict: 'warning',
      text,
      remedy: `Use QEMU 8.1 or newer, ${SYSCTL}`,
    }
  return {
    verdict: 'warning',
    text,
    remedy: `\`stasis doctor --fix\` gives ${USERFAULTFD_DEVICE} to the group of ${user.name}, for QEMU 8.1 and newer`,
    fix: async () => {
      await setOwnerAndMode(USERFAULTFD_DEVICE, { gid: user.gid }, 0o660)
      const done = `gave ${USERFAULTFD_DEVICE} to the group of ${user.name}`
      if (!(await isThere(UDEV_RULES))) return `${done}, until the host boots again`
      const rule = `KERNEL=="userfaultfd", GROUP="${user.gid}", MODE="0660"\n`
      await writeText(RULE, rule, { durable: true })
      return `${done}, also after a boot (${RULE})`
    },
  }
}
