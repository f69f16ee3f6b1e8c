import { InvalidArgumentError, Option } from 'commander'
import type { KeyCodeSet } from '../../../domain/devices/key-codes.ts'
import { sendKeys } from '../../../domain/devices/send-keys.ts'
import { integerBetween } from '../../options/option-values.ts'
import type { Verb } from '../../verb.ts'

interface Flags {
  readonly codeset?: KeyCodeSet
  readonly holdtime?: number
}

/** `send-key DOMAIN KEY…` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name, UUID or id')
      .argument('<keycode...>', 'keys to press together: names such as KEY_ENTER, or numbers')
      .addOption(
        new Option(
          '--codeset <codeset>',
          "the meaning of numbers: linux (the default), or qnum, which are QEMU's",
        ).argParser((text: string): KeyCodeSet => {
          if (text === 'linux' || text === 'qnum') return text
          throw new InvalidArgumentError('Stasis knows linux and qnum; virsh knows others.')
        }),
      )
      .option(
        '--holdtime <ms>',
        'how long to hold them, in milliseconds (default: 100)',
        integerBetween(0, 60_000),
      ),
  example: 'stasis send-key web KEY_LEFTCTRL KEY_LEFTALT KEY_DELETE',
  run: async ([domain = '', ...keys], { codeset, holdtime }, { directories, signal }) => {
    const options = { ...directories, signal, codeSet: codeset, holdMs: holdtime }
    const { name } = await sendKeys(domain, keys, options)
    return { text: '', json: { type: 'result', name } }
  },
}
