import { connectionOf } from '../../options/connection.ts'
import type { Verb } from '../../verb.ts'

/** `connect [URI]` */
export const verb: Verb<{ readonly readonly?: boolean }> = {
  declare: (command) =>
    command
      .argument(
        '[name]',
        'qemu:///system or qemu:///session; without it, the domains as at the start',
        connectionOf,
      )
      .option('--readonly', 'refuse verbs that change something from now on'),
  looks: true,
  example: 'stasis connect qemu:///session      (at the prompt or in a script)',
  run: async ([uri], { readonly }, { connect }) => {
    connect(uri, readonly === true)
    return { text: '', json: { type: 'result', ...(uri !== undefined && { uri }) } }
  },
}
