import { rebootDomain } from '../../../domain/lifecycle/power.ts'
import { integerBetween } from '../../options/option-values.ts'
import { type PowerFlags, declarePowerMode } from '../../options/power-mode.ts'
import type { Verb } from '../../verb.ts'

/** `reboot DOMAIN` */
export const verb: Verb<PowerFlags & { readonly timeout?: number }> = {
  declare: (command) =>
    declarePowerMode(command.argument('<domain>', 'name, UUID or id')).option(
      '--timeout <seconds>',
      'how long to wait for the guest to shut down (default: 60)',
      integerBetween(1, 86_400),
    ),
  example: 'stasis reboot web',
  run: async ([domain = ''], { mode, timeout }, { directories, signal }) => {
    const timeoutMs = timeout === undefined ? undefined : timeout * 1000
    const { name } = await rebootDomain(domain, { ...directories, signal, mode, timeoutMs })
    return { text: `Domain '${name}' is being rebooted`, json: { type: 'result', name } }
  },
}
