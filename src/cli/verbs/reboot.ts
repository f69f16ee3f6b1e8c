import { Option } from 'commander'
import { rebootDomain } from '../../domain/lifecycle/power.ts'
import { integerBetween } from '../options/option-values.ts'
import type { Verb } from '../verb.ts'

interface Flags {
  readonly mode?: 'acpi' | 'agent'
  readonly timeout?: number
}

/** `reboot DOMAIN` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name, UUID or id')
      .addOption(
        new Option(
          '--mode <mode>',
          'how to ask: by the power button (the default) or by the guest agent',
        ).choices(['acpi', 'agent']),
      )
      .option(
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
