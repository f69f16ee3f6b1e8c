import { needsReservations } from '../../../qemu/command-line/storage/disk-nodes.ts'
import { PR_HELPER } from '../../../qemu/programs/pr-helper.ts'
import { type Companion, findCompanion } from '../../../qemu/programs/find-program.ts'
import {
  descriptorDirectories,
  readFirmwareDescriptors,
} from '../../../qemu/probe/firmware-descriptors.ts'
import { IP } from '../../../qemu/programs/ip.ts'
import { OVS_VSCTL } from '../../../qemu/programs/ovs-vsctl.ts'
import { PASST } from '../../../qemu/programs/passt.ts'
import { SWTPM } from '../../../qemu/programs/tpm-emulator.ts'
import { VIRTIOFSD } from '../../../qemu/programs/virtiofsd.ts'
import { type DefinedDomain, definedDomains, namesOf } from '../definitions.ts'
import { type Diagnosis, type HealthCheck, right } from '../health-check.ts'

interface Need {
  readonly what: string
  readonly purpose: string
  readonly package: string
  /** Whether a domain cannot start without it. */
  readonly needs: (one: DefinedDomain) => boolean
  readonly find: () => Promise<string | undefined>
  /** Say nothing about it where no domain needs it. */
  readonly onlyIfNeeded?: true
}

const NEEDS: readonly Need[] = [
  {
    what: 'qemu-img',
    purpose: 'clones with overlays',
    package: 'qemu-utils',
    needs: () => false,
    find: () => findCompanion({ name: 'qemu-img', directories: [] }),
  },
  {
    what: 'UEFI firmware',
    purpose: 'guests with UEFI',
    package: 'ovmf',
    needs: ({ domain }) => domain.os.firmware === 'efi' && domain.os.loader?.path === undefined,
    find: async () => {
      const found = await readFirmwareDescriptors(descriptorDirectories())
      return found.length === 0 ? undefined : `${found.length} kinds`
    },
  },
  {
    what: SWTPM.name,
    purpose: 'guests with an emulated TPM',
    package: SWTPM.package,
    needs: ({ domain }) => domain.tpms.some(({ backend }) => backend.type === 'emulator'),
    find: () => findCompanion(SWTPM),
  },
  {
    what: VIRTIOFSD.name,
    purpose: 'guests that share directories with the host',
    package: VIRTIOFSD.package,
    needs: ({ domain }) =>
      domain.sharedDirectories.some(({ source }) => source.type === 'virtiofs'),
    find: () => findCompanion(VIRTIOFSD),
  },
  onlyIfNeeded(IP, ({ domain }) => domain.interfaces.some(({ type }) => type === 'direct')),
  onlyIfNeeded(OVS_VSCTL, ({ domain }) =>
    domain.interfaces.some(({ virtualPort }) => virtualPort?.type === 'openvswitch'),
  ),
  onlyIfNeeded(PR_HELPER, ({ domain }) => domain.disks.some(needsReservations)),
  onlyIfNeeded(PASST, ({ domain }) => domain.interfaces.some(({ passt }) => passt !== undefined)),
]

/** A program that a host without such guests need not know about. */
function onlyIfNeeded(program: Companion, needs: Need['needs']): Need {
  const { name: what, purpose, package: wanted } = program
  const find = (): Promise<string | undefined> => findCompanion(program)
  return { what, purpose, package: wanted, needs, find, onlyIfNeeded: true }
}

/** Whether the host has the programs and files that guests need besides QEMU. */
export const PROGRAMS: HealthCheck = {
  name: 'programs',
  async look({ directories }) {
    const domains = await definedDomains(directories)
    const asked = NEEDS.filter((one) => one.onlyIfNeeded !== true || domains.some(one.needs))
    return Promise.all(
      asked.map(async (need): Promise<Diagnosis> => {
        const found = await need.find()
        if (found !== undefined) return right(`${need.what}: ${found}`)
        const users = domains.filter(need.needs)
        if (users.length === 0)
          return right(`${need.what} is not installed; it is for ${need.purpose}`)
        return {
          verdict: 'warning',
          text: `${need.what} is not installed: ${namesOf(users)} cannot start`,
          remedy: `Install the package ${need.package}`,
        }
      }),
    )
  },
}
