import { listInterfaces } from '../../../domain/status/devices.ts'
import { formatTable } from '../../terminal/table.ts'
import type { Verb } from '../../verb.ts'

/** `domiflist DOMAIN` */
export const verb: Verb<{ readonly inactive?: boolean }> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name, UUID or id')
      .option('--inactive', 'those of the definition, even while the domain runs from other XML'),
  looks: true,
  example: 'stasis domiflist web',
  run: async ([domain = ''], { inactive }, { directories, signal, quiet }) => {
    const interfaces = await listInterfaces(domain, { ...directories, signal, inactive })
    const rows = interfaces.map((card) => [
      card.interface ?? '-',
      card.type,
      card.source ?? '-',
      card.model ?? '-',
      card.mac ?? '-',
    ])
    const heading = ['Interface', 'Type', 'Source', 'Model', 'MAC']
    return { text: formatTable(heading, rows, { quiet }), json: { type: 'result', interfaces } }
  },
}
