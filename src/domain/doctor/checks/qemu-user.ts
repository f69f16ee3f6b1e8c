import { localGroup, makeSystemUser } from '../../../qemu/process/system-user.ts'
import { DEFAULT_QEMU_USER, whereUserIsChosen } from '../../machine/qemu-user.ts'
import { type Diagnosis, type HealthCheck, right } from '../health-check.ts'

/** Groups whose members can become root, or read the disks of the host. */
const POWERFUL = ['root', 'disk', 'docker', 'lxd', 'shadow', 'sudo', 'wheel', 'adm', 'libvirt']

/** Whether QEMU runs as a user that can do nothing else. */
export const QEMU_USER: HealthCheck = {
  name: 'qemu-user',
  async look({ root, user }) {
    if (!root) return [right('QEMU runs as the user who runs Stasis, who is not root')]
    if (user === undefined) {
      const chosen = await whereUserIsChosen()
      return [chosen === undefined ? NO_USER : chosenRoot(chosen)]
    }
    const powerful = await powerfulGroups(user.groups)
    if (powerful.length === 0)
      return [right(`QEMU runs as the user ${user.name} (${user.uid}), without capabilities`)]
    const groups = powerful.join(', ')
    return [
      {
        verdict: 'warning',
        text: `the user ${user.name} of QEMU is in a group with power over the host: ${groups}`,
        remedy: `Remove it there, for example with \`gpasswd --delete ${user.name} ${powerful[0]}\``,
      },
    ]
  },
}

function chosenRoot(where: string): Diagnosis {
  return {
    verdict: 'warning',
    text: `QEMU runs as root, because ${where} says so`,
    remedy: 'Remove that unless a guest needs it',
  }
}

const NO_USER: Diagnosis = {
  verdict: 'warning',
  text: `QEMU runs as root: there is no user ${DEFAULT_QEMU_USER}`,
  remedy: `\`stasis doctor --fix\` makes the user; QEMUs that start later change to it`,
  fix: async () => {
    await makeSystemUser(DEFAULT_QEMU_USER)
    return `made the user ${DEFAULT_QEMU_USER}, without a login`
  },
}

async function powerfulGroups(groups: readonly number[]): Promise<readonly string[]> {
  const found = await Promise.all(
    POWERFUL.map(async (name) => {
      const gid = await localGroup(name)
      return gid !== undefined && groups.includes(gid) ? [name] : []
    }),
  )
  return found.flat()
}
