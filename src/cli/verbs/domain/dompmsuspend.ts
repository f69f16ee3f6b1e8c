import { Argument, Option } from 'commander'
import { type SuspendTarget, suspendGuest } from '../../../domain/guest/suspend.ts'
import { integerBetween } from '../../options/option-values.ts'
import type { Verb } from '../../verb.ts'

/** `dompmsuspend DOMAIN TARGET` */
export const verb: Verb = {
  declare: (command) =>
    command
      .argument('<domain>', 'name, UUID or id')
      .addArgument(
        new Argument('<target>', 'mem: to RAM; disk: to its disk; hybrid: both').choices([
          'mem',
          'disk',
          'hybrid',
        ]),
      )
      .addOption(
        new Option('--duration <seconds>', 'accepted: only 0, for until it is woken').argParser(
          integerBetween(0, 0),
        ),
      ),
  example: 'stasis dompmsuspend laptop mem',
  run: async ([domain = '', target = ''], _flags, { directories, signal }) => {
    const options = { ...directories, signal }
    const { name } = await suspendGuest(domain, target as SuspendTarget, options)
    return { text: `Domain '${name}' successfully suspended`, json: { type: 'result', name } }
  },
}
