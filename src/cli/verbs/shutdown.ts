import { Option } from 'commander'
import { shutDownDomain } from '../../domain/lifecycle/power.ts'
import type { Verb } from '../verb.ts'

/** `shutdown DOMAIN` */
export const verb: Verb<{ readonly mode?: 'acpi' | 'agent' }> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name, UUID or id')
      .addOption(
        new Option(
          '--mode <mode>',
          'how to ask: by the power button (the default) or by the guest agent',
        ).choices(['acpi', 'agent']),
      ),
  example: 'stasis shutdown web --mode agent',
  run: async ([domain = ''], { mode }, { directories, signal }) => {
    const { name } = await shutDownDomain(domain, { ...directories, signal, mode })
    return { text: `Domain '${name}' is being shutdown`, json: { type: 'result', name } }
  },
}
