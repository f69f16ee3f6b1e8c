import { memoryStatistics } from '../../../domain/statistics/memory-statistics.ts'
import type { Verb } from '../../verb.ts'

/** `dommemstat DOMAIN` */
export const verb: Verb = {
  declare: (command) => command.argument('<domain>', 'name, UUID or id'),
  looks: true,
  example: 'stasis dommemstat web',
  run: async ([domain = ''], _flags, { directories, signal }) => {
    const found = await memoryStatistics(domain, { ...directories, signal })
    const lines = Object.entries(found).map(([name, value]) => `${name} ${value}`)
    return { text: lines.join('\n'), json: { type: 'result', memory: found } }
  },
}
