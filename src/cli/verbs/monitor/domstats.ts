import type { Command } from 'commander'
import { listDomains } from '../../../domain/status/list.ts'
import {
  STATISTICS_GROUPS,
  type StatisticsGroup,
  domainStatistics,
} from '../../../domain/statistics/domain-statistics.ts'
import type { DomainState } from '../../../domain/machine/domain-state.ts'
import { optionKey } from '../../options/option-key.ts'
import type { Invocation, Verb } from '../../verb.ts'

/** With commander's names, `vcpu`, `cpuTotal`, `listRunning` and so on. */
type Flags = Readonly<Record<string, boolean | undefined>>

const GROUPS: readonly (readonly [group: StatisticsGroup, help: string])[] = [
  ['state', 'the state, and the reason for it, in numbers'],
  ['cpu-total', 'processor time of its QEMU'],
  ['balloon', 'memory'],
  ['vcpu', 'processors'],
  ['interface', 'network cards that have a device on this host'],
  ['block', 'disks'],
]

/** Groups of virsh of which QEMU alone knows nothing. */
const EMPTY = ['perf', 'iothread', 'memory', 'dirtyrate', 'vm']

const LISTS: Readonly<
  Record<string, readonly [help: string, matches: (domain: Listed) => boolean]>
> = {
  'list-active': ['only domains that run', ({ id }) => id !== undefined],
  'list-inactive': ['only domains that do not run', ({ id }) => id === undefined],
  'list-persistent': ['only domains that are defined', ({ persistent }) => persistent],
  'list-transient': ['only domains that are not defined', ({ persistent }) => !persistent],
  'list-running': ['only running domains', ({ state }) => state === 'running'],
  'list-paused': ['only paused domains', ({ state }) => state === 'paused'],
  'list-shutoff': ['only domains that are shut off', ({ state }) => state === 'shut off'],
  'list-other': [
    'only domains in other states',
    ({ state }) => !['running', 'paused', 'shut off'].includes(state),
  ],
}

interface Listed {
  readonly id: number | undefined
  readonly state: DomainState
  readonly persistent: boolean
}

/** `domstats [DOMAIN…]` */
export const verb: Verb<Flags> = {
  declare: (command) => {
    command.argument('[domain...]', 'names, UUIDs or ids; default: all')
    for (const [group, help] of GROUPS) command.option(`--${group}`, help)
    for (const group of EMPTY) command.option(`--${group}`, 'accepted: Stasis has none of these')
    for (const [name, [help]] of Object.entries(LISTS)) command.option(`--${name}`, help)
    return declareAccepted(command)
  },
  looks: true,
  example: 'stasis domstats web --block',
  run: async (domains, flags, invocation) => {
    const { directories, signal, output } = invocation
    const asked = STATISTICS_GROUPS.filter((group) => flags[optionKey(group)] === true)
    const others = EMPTY.some((group) => flags[group] === true)
    const groups = asked.length === 0 && !others ? STATISTICS_GROUPS : asked
    const options = { ...directories, signal, groups }
    const chosen = domains.length > 0 ? domains : await listed(flags, invocation)
    const found = chosen?.length === 0 ? [] : await domainStatistics(chosen ?? [], options)
    const texts: string[] = []
    for (const { name, fields, fault } of found) {
      if (fault !== undefined) output.warn(fault.message)
      const lines = Object.entries(fields).map(([field, value]) => `  ${field}=${value}`)
      texts.push([`Domain: '${name}'`, ...lines].join('\n'))
    }
    return {
      text: texts.join('\n\n'),
      json: { type: 'result', domains: found.map(({ name, fields }) => ({ name, fields })) },
    }
  },
}

function declareAccepted(command: Command): Command {
  return command
    .option('--raw', 'accepted: numbers are shown as they are')
    .option('--nowait', 'accepted: Stasis waits at most five seconds for a QEMU')
    .option('--enforce', 'accepted and ignored')
    .option('--backing', 'accepted and ignored: only the top layers of disks are counted')
}

/** The names of the domains that the filters choose; `undefined` without filters. */
async function listed(
  flags: Flags,
  { directories, signal }: Invocation,
): Promise<readonly string[] | undefined> {
  const filters = Object.entries(LISTS).filter(([name]) => flags[optionKey(name)] === true)
  if (filters.length === 0) return undefined
  const all = await listDomains({ ...directories, signal, all: true })
  // As in virsh, filters of one kind add up, and those of different kinds restrict each other.
  const kinds = [/active/, /persistent|transient/, /running|paused|shutoff|other/]
  return all
    .filter((domain) =>
      kinds.every((kind) => {
        const some = filters.filter(([name]) => kind.test(name))
        return some.length === 0 || some.some(([, [, matches]]) => matches(domain))
      }),
    )
    .map(({ name }) => name)
}
