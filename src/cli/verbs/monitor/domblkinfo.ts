import { UsageError } from '../../../errors.ts'
import { blockInfo, diskNamed } from '../../../domain/statistics/block-info.ts'
import { formatFacts, formatTable } from '../../terminal/table.ts'
import type { Verb } from '../../verb.ts'

interface Flags {
  readonly all?: boolean
  readonly human?: boolean
}

/** `domblkinfo DOMAIN [DEVICE]` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name, UUID or id')
      .argument('[device]', 'a disk: its name in the guest, or its file')
      .option('--all', 'all disks')
      .option('--human', 'with units'),
  looks: true,
  example: 'stasis domblkinfo web vda --human',
  run: async ([domain = '', device], { all, human }, { directories, signal, quiet }) => {
    const disks = await blockInfo(domain, { ...directories, signal })
    const text = (bytes: number | undefined): string =>
      bytes === undefined ? '-' : human === true ? withUnit(bytes) : String(bytes)
    if (all === true) {
      const rows = disks.map((disk) => [
        disk.target,
        text(disk.capacityBytes),
        text(disk.allocationBytes),
        text(disk.physicalBytes),
      ])
      const heading = ['Target', 'Capacity', 'Allocation', 'Physical']
      return { text: formatTable(heading, rows, { quiet }), json: { type: 'result', disks } }
    }
    if (device === undefined) throw new UsageError('BAD_ARGUMENT', 'Name a disk, or give --all')
    const disk = diskNamed(disks, device)
    const facts: readonly (readonly [string, string])[] = [
      ['Capacity', text(disk.capacityBytes)],
      ['Allocation', text(disk.allocationBytes)],
      ['Physical', text(disk.physicalBytes)],
    ]
    return { text: formatFacts(facts), json: { type: 'result', disks: [disk] } }
  },
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB']

/** virsh's way to write it: `1.000 MiB`. */
function withUnit(bytes: number): string {
  const power = bytes === 0 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), UNITS.length - 1)
  return `${(bytes / 1024 ** power).toFixed(3)} ${UNITS[power]}`
}
