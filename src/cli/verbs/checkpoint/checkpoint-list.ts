import { listCheckpoints } from '../../../domain/checkpoint/list-checkpoints.ts'
import { checkpointsReport } from '../../reports/checkpoints.ts'
import type { Verb } from '../../verb.ts'

/** `checkpoint-list DOMAIN` */
export const verb: Verb = {
  declare: (command) => command.argument('<domain>', 'name, UUID or id'),
  looks: true,
  example: 'stasis checkpoint-list web',
  run: async ([domain = ''], _flags, { directories, signal, quiet, output }) => {
    const list = await listCheckpoints(domain, { ...directories, signal })
    if (list.pending !== undefined)
      output.warn(
        `'${list.pending}' was not completed; the next command that changes checkpoints settles it`,
      )
    return checkpointsReport(list, quiet)
  },
}
