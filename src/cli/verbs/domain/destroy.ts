import { destroyDomain } from '../../../domain/lifecycle/destroy.ts'
import type { Verb } from '../../verb.ts'

/** `destroy DOMAIN` */
export const verb: Verb<{ readonly graceful?: boolean }> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name, UUID or id')
      .option('--graceful', 'leave a QEMU running that does not end when it is asked to'),
  example: 'stasis destroy web',
  run: async ([domain = ''], { graceful }, { directories, signal, output }) => {
    const options = { ...directories, signal, graceful, onWarning: output.warn }
    const { name } = await destroyDomain(domain, options)
    return { text: `Domain '${name}' destroyed`, json: { type: 'result', name } }
  },
}
