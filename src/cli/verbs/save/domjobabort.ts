import { abortJob } from '../../../domain/status/watch-job.ts'
import type { Verb } from '../../verb.ts'

/** `domjobabort DOMAIN` */
export const verb: Verb = {
  declare: (command) => command.argument('<domain>', 'name, UUID or id'),
  example: 'stasis domjobabort web',
  run: async ([domain = ''], _flags, { directories, signal }) => {
    const { name, outcome } = await abortJob(domain, { ...directories, signal })
    const text =
      outcome === 'completed' ? `The job of domain '${name}' had already completed` : 'Job aborted'
    return { text, json: { type: 'result', name, outcome } }
  },
}
