import { Option } from 'commander'
import { DomainError } from '../../../errors.ts'
import { processorCount } from '../../../domain/statistics/processor-statistics.ts'
import type { Verb } from '../../verb.ts'

interface Flags {
  readonly maximum?: boolean
  readonly active?: boolean
  readonly live?: boolean
  readonly config?: boolean
  readonly current?: boolean
}

/** `vcpucount DOMAIN` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name, UUID or id')
      .addOption(new Option('--maximum', 'the most that it can have').conflicts('active'))
      .option('--active', 'those that it has')
      .addOption(new Option('--live', 'of the running domain').conflicts(['config', 'current']))
      .addOption(new Option('--config', 'of the definition').conflicts('current'))
      .option('--current', 'of the running domain, or else of the definition'),
  looks: true,
  example: 'stasis vcpucount web --maximum --live',
  run: async ([domain = ''], flags, { directories, signal }) => {
    const found = await processorCount(domain, { ...directories, signal })
    const { live, config } = found
    const json = { type: 'result', ...found }
    if (Object.values(pick(flags)).every((flag) => flag === undefined)) {
      const line = (kind: 'maximum' | 'current', where: 'config' | 'live'): string[] => {
        const count = found[where]?.[kind]
        if (count === undefined) return []
        return [`${kind.padEnd(12)} ${where.padEnd(12)} ${String(count).padStart(3)}`]
      }
      const lines = (['maximum', 'current'] as const).flatMap((kind) => [
        ...line(kind, 'config'),
        ...line(kind, 'live'),
      ])
      return { text: lines.join('\n'), json }
    }
    const chosen = flags.live === true ? live : flags.config === true ? config : (live ?? config)
    if (chosen === undefined) throw missing(domain, flags.live === true)
    return { text: String(flags.maximum === true ? chosen.maximum : chosen.current), json }
  },
}

function pick({ maximum, active, live, config, current }: Flags): Flags {
  return { maximum, active, live, config, current } as Flags
}

function missing(domain: string, live: boolean): DomainError {
  return live
    ? new DomainError('DOMAIN_NOT_RUNNING', `Domain '${domain}' is not running`)
    : new DomainError('DOMAIN_WRONG_STATE', `Domain '${domain}' is not defined: it only runs`)
}
