import { flattenCheckpoint } from '../../../domain/checkpoint/memory/flatten-checkpoint.ts'
import type { Verb } from '../../verb.ts'

/** `checkpoint-flatten DOMAIN NAME` */
export const verb: Verb = {
  declare: (command) =>
    command.argument('<domain>', 'name, UUID or id').argument('<name>', 'the checkpoint'),
  example: 'stasis checkpoint-flatten web before-upgrade',
  run: async ([domain = '', name = ''], _flags, { directories, signal }) => {
    const result = await flattenCheckpoint(domain, name, { ...directories, signal })
    const needed = result.bases.map((one) => `'${one}'`).join(', ')
    const text =
      needed === ''
        ? `The memory of checkpoint '${name}' needs no other`
        : `The memory of checkpoint '${name}' no longer needs ${needed}`
    return { text, json: { type: 'result', ...result } }
  },
}
