import { renameDomain } from '../../../domain/lifecycle/rename.ts'
import type { Verb } from '../../verb.ts'
import { type TakeOverFlags, takeOverOption } from '../../options/take-over.ts'

/** `domrename DOMAIN NEW-NAME` */
export const verb: Verb<TakeOverFlags> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name or UUID')
      .argument('<new-name>', 'the new name')
      .addOption(takeOverOption()),
  example: 'stasis domrename web web-old',
  run: async ([domain = '', newName = ''], { takeOver }, { directories, signal, output }) => {
    const { name } = await renameDomain(domain, newName, {
      ...directories,
      signal,
      takeOver,
      onWarning: output.warn,
    })
    return { text: 'Domain successfully renamed', json: { type: 'result', name } }
  },
}
