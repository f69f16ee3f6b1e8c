import { listDisks } from '../../../domain/status/devices.ts'
import { formatTable } from '../../terminal/table.ts'
import type { Verb } from '../../verb.ts'

interface Flags {
  readonly details?: boolean
  readonly inactive?: boolean
}

/** `domblklist DOMAIN` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name, UUID or id')
      .option('--details', 'also show type and kind of the devices')
      .option('--inactive', 'those of the definition, even while the domain runs from other XML'),
  looks: true,
  example: 'stasis domblklist web --details',
  run: async ([domain = ''], { details, inactive }, { directories, signal, quiet }) => {
    const disks = await listDisks(domain, { ...directories, signal, inactive })
    const more = (cells: readonly string[]): readonly string[] => (details === true ? cells : [])
    const rows = disks.map(({ type, device, target, source = '-' }) => [
      ...more([type, device]),
      target,
      source,
    ])
    const heading = [...more(['Type', 'Device']), 'Target', 'Source']
    return { text: formatTable(heading, rows, { quiet }), json: { type: 'result', disks } }
  },
}
