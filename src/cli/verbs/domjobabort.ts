import { abortJob } from '../../domain/status/watch-job.ts'
import type { Verb } from '../verb.ts'

/** `domjobabort DOMAIN` */
export const verb: Verb = {
  declare: (command) => command.argument('<domain>', 'name, UUID or id'),
  example: 'stasis domjobabort web',
  run: async ([domain = ''], _flags, { directories, signal }) => {
    const { name, outcome } = await abortJob(domain, { ...directories, signal })
    const text =
      outcome === 'completed' ? `It was completed already for domain '${name}'` : 'Job aborted'
    return { text, json: { type: 'result', name, outcome } }
  },
}
