import { deleteCheckpoint } from '../../../domain/checkpoint/delete-checkpoint.ts'
import type { Verb } from '../../verb.ts'

interface Flags {
  readonly children?: boolean
}

/** `checkpoint-delete DOMAIN NAME` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name, UUID or id')
      .argument('<name>', 'the checkpoint')
      .option('--children', 'also delete the checkpoints that were made after it in its branch'),
  example: 'stasis checkpoint-delete web before-upgrade',
  run: async ([domain = '', name = ''], { children }, { directories, signal, output }) => {
    const result = await deleteCheckpoint(domain, name, {
      ...directories,
      children,
      signal,
      onWarning: output.warn,
    })
    const lines = [
      ...result.names.map((one) => `Checkpoint '${one}' of domain '${result.domain}' deleted`),
      ...result.kept.map((path) => `${path} stays: others are built on it`),
    ]
    return { text: lines.join('\n'), json: { type: 'result', ...result } }
  },
}
