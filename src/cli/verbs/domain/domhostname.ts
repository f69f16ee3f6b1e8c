import { Option } from 'commander'
import { printable } from '../../../errors.ts'
import { guestHostName } from '../../../domain/guest/host-name.ts'
import type { Verb } from '../../verb.ts'

/** `domhostname DOMAIN` */
export const verb: Verb = {
  declare: (command) =>
    command
      .argument('<domain>', 'name, UUID or id')
      .addOption(
        new Option('--source <source>', 'the source of the name: the guest agent').choices([
          'agent',
        ]),
      ),
  looks: true,
  example: 'stasis domhostname web',
  run: async ([domain = ''], _flags, { directories, signal }) => {
    const hostname = await guestHostName(domain, { ...directories, signal })
    return { text: printable(hostname), json: { type: 'result', hostname } }
  },
}
