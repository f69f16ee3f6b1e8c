import { Option } from 'commander'
import { guestTime, setGuestTime } from '../../../domain/guest/time.ts'
import { integerBetween } from '../../options/option-values.ts'
import type { Verb } from '../../verb.ts'

interface Flags {
  readonly now?: boolean
  readonly pretty?: boolean
  readonly sync?: boolean
  readonly time?: number
}

/** `domtime DOMAIN` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name, UUID or id')
      .option('--pretty', 'show date and time (UTC) instead of seconds since 1970')
      .addOption(
        new Option('--now', 'set the clock of the guest to that of this host').conflicts([
          'sync',
          'time',
          'pretty',
        ]),
      )
      .addOption(
        new Option('--sync', 'let the guest set its clock to its hardware clock').conflicts([
          'time',
          'pretty',
        ]),
      )
      .addOption(
        new Option('--time <seconds>', 'set the clock of the guest to this, in seconds since 1970')
          .argParser(integerBetween(0, 9_000_000_000))
          .conflicts('pretty'),
      ),
  looks: (_args, { now, sync, time }) => (now ?? sync ?? time) === undefined,
  example: 'stasis domtime web --now',
  run: async ([domain = ''], { now, pretty, sync, time }, { directories, signal }) => {
    const options = { ...directories, signal }
    if ((now ?? sync ?? time) !== undefined) {
      const wanted = now === true ? new Date() : time === undefined ? undefined : seconds(time)
      await setGuestTime(domain, wanted, options)
      return { text: '', json: { type: 'result', time: wanted?.toISOString() } }
    }
    const date = await guestTime(domain, options)
    const shown =
      pretty === true
        ? date.toISOString().replace('T', ' ').slice(0, 19)
        : String(Math.floor(date.getTime() / 1000))
    return { text: `Time: ${shown}`, json: { type: 'result', time: date.toISOString() } }
  },
}

function seconds(time: number): Date {
  return new Date(time * 1000)
}
