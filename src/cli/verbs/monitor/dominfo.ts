import type { PostcopyState } from '../../../domain/store/postcopy-state.ts'
import { type DomainInfo, domainInfo } from '../../../domain/status/info.ts'
import { formatFacts } from '../../terminal/table.ts'
import { memoryAdvice } from '../../../domain/status/memory-words.ts'
import type { Verb } from '../../verb.ts'

const KIB = 1024

/** `dominfo DOMAIN` */
export const verb: Verb = {
  declare: (command) => command.argument('<domain>', 'name, UUID or id'),
  looks: true,
  example: 'stasis dominfo web',
  run: async ([domain = ''], _flags, { directories, signal }) => {
    const info = await domainInfo(domain, { ...directories, signal })
    const facts: [string, string][] = [
      ['Id', String(info.id ?? '-')],
      ['Name', info.name],
      ['UUID', info.uuid],
      ['OS Type', info.osType],
      ['State', info.state],
      ...hostFacts(info),
      ['CPU(s)', String(info.vcpus)],
    ]
    if (info.cpuTimeMs !== undefined) {
      facts.push(['CPU time', `${(info.cpuTimeMs / 1000).toFixed(1)}s`])
    }
    facts.push(
      ['Max memory', `${info.maxMemoryBytes / KIB} KiB`],
      ['Used memory', `${info.usedMemoryBytes / KIB} KiB`],
      ['Persistent', info.persistent ? 'yes' : 'no'],
      ['Autostart', info.autostart ? 'enable' : 'disable'],
      ['Managed save', info.managedSave === undefined ? 'unknown' : yesOrNo(info.managedSave)],
    )
    if (info.safetyCopy !== undefined) facts.push(['Safety copy', info.safetyCopy])
    if (info.lastEnd !== undefined) {
      const { reason, time, lastLines, image } = info.lastEnd
      facts.push(['Last ended', `${reason}, ${time}`])
      if (lastLines !== undefined) facts.push(['Last lines', lastLines])
      if (image !== undefined) facts.push(['Saved to', image])
    }
    if (info.postcopy !== undefined)
      facts.push(['Missing memory', missing(info.postcopy, info.name)])
    return { text: formatFacts(facts), json: { type: 'result', ...info } }
  },
}

function yesOrNo(is: boolean): string {
  return is ? 'yes' : 'no'
}

/** The host that has the domain, if it is another one. */
function hostFacts({ host, hostId = '', generation }: DomainInfo): readonly [string, string][] {
  if (host === undefined) return []
  return [
    ['Host', host],
    ['Host id', hostId],
    ['Generation', String(generation)],
  ]
}

function missing(postcopy: PostcopyState, name: string): string {
  const { remainingBytes } = postcopy
  const amount = remainingBytes === undefined ? '' : `${remainingBytes / KIB} KiB; `
  return `${amount}${memoryAdvice(postcopy, name)}`
}
