import { cpus } from 'node:os'
import {
  type ProcessorInfo,
  processorInfo,
} from '../../../domain/statistics/processor-statistics.ts'
import { numberRanges } from '../../../qemu/domain-xml/values.ts'
import { formatFacts } from '../../terminal/table.ts'
import type { Verb } from '../../verb.ts'

/** `vcpuinfo DOMAIN` */
export const verb: Verb<{ readonly pretty?: boolean }> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name, UUID or id')
      .option('--pretty', 'show the affinity as numbers'),
  looks: true,
  example: 'stasis vcpuinfo web',
  run: async ([domain = ''], { pretty }, { directories, signal }) => {
    const processors = await processorInfo(domain, { ...directories, signal })
    const text = processors.map((one) => factsOf(one, pretty === true)).join('\n\n')
    return { text, json: { type: 'result', processors } }
  },
}

function factsOf(info: ProcessorInfo, pretty: boolean): string {
  const { number, timeNs, hostProcessor, affinity } = info
  const all = cpus().length
  const shown = pretty
    ? `${numberRanges(affinity).join(',')} (out of ${all})`
    : Array.from({ length: all }, (_, at) => (affinity.includes(at) ? 'y' : '-')).join('')
  return formatFacts([
    ['VCPU', String(number)],
    ['CPU', hostProcessor === undefined ? 'N/A' : String(hostProcessor)],
    ['State', timeNs === undefined ? 'N/A' : 'running'],
    ['CPU time', timeNs === undefined ? 'N/A' : `${(timeNs / 1e9).toFixed(1)}s`],
    ['CPU Affinity', shown],
  ])
}
