import { blockStatistics } from '../../../domain/statistics/device-statistics.ts'
import type { Verb } from '../../verb.ts'

/** virsh's names and words. */
const FIELDS = [
  ['rd_req', 'number of read operations:', 'rd_operations'],
  ['rd_bytes', 'number of bytes read:', 'rd_bytes'],
  ['wr_req', 'number of write operations:', 'wr_operations'],
  ['wr_bytes', 'number of bytes written:', 'wr_bytes'],
  ['flush_operations', 'number of flush operations:', 'flush_operations'],
  ['rd_total_times', 'total duration of reads (ns):', 'rd_total_time_ns'],
  ['wr_total_times', 'total duration of writes (ns):', 'wr_total_time_ns'],
  ['flush_total_times', 'total duration of flushes (ns):', 'flush_total_time_ns'],
] as const

/** `domblkstat DOMAIN [DEVICE]` */
export const verb: Verb<{ readonly human?: boolean }> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name, UUID or id')
      .argument('[device]', 'a disk: its name in the guest, or its file; default: all together')
      .option('--human', 'in words'),
  looks: true,
  example: 'stasis domblkstat web vda',
  run: async ([domain = '', device], { human }, { directories, signal }) => {
    const found = await blockStatistics(domain, device, { ...directories, signal })
    const statistics = Object.fromEntries(FIELDS.map(([name, , field]) => [name, found[field]]))
    const lines = FIELDS.map(([name, words, field]) =>
      human === true
        ? ` ${words.padEnd(31)} ${found[field]}`
        : `${device ?? ''} ${name} ${found[field]}`,
    )
    const heading = human === true ? [`Device: ${device ?? ''}`] : []
    return { text: [...heading, ...lines].join('\n'), json: { type: 'result', ...statistics } }
  },
}
