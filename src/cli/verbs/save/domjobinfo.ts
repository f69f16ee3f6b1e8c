import { jobInfo } from '../../../domain/status/watch-job.ts'
import { jobText } from '../../reports/job.ts'
import type { Verb } from '../../verb.ts'

/** `domjobinfo DOMAIN` */
export const verb: Verb<{ readonly completed?: boolean }> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name, UUID or id')
      .option('--completed', 'show the job that ended last'),
  looks: true,
  example: 'stasis domjobinfo web --completed',
  run: async ([domain = ''], { completed }, { directories, signal }) => {
    const job = await jobInfo(domain, { ...directories, signal, completed })
    return { text: jobText(job), json: { type: 'result', job: job ?? null } }
  },
}
