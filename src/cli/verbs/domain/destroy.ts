import { destroyDomain } from '../../../domain/lifecycle/destroy.ts'
import type { Verb } from '../../verb.ts'
import { type IfRunningFlags, ifRunning, ifRunningOption } from '../../options/if-running.ts'

interface Flags extends IfRunningFlags {
  readonly graceful?: boolean
}

/** `destroy DOMAIN` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name, UUID or id')
      .option('--graceful', 'leave a QEMU running that does not end when it is asked to')
      .addOption(ifRunningOption()),
  example: 'stasis destroy web',
  run: ([domain = ''], flags, { directories, signal, output }) =>
    ifRunning(domain, flags, async () => {
      const { graceful } = flags
      const options = { ...directories, signal, graceful, onWarning: output.warn }
      const { name } = await destroyDomain(domain, options)
      return { text: `Domain '${name}' destroyed`, json: { type: 'result', name } }
    }),
}
