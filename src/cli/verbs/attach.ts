import { attachDomain } from '../../domain/foreign/attach.ts'
import type { Verb } from '../verb.ts'

/** `attach --qmp SOCKET [NAME]` */
export const verb: Verb<{ readonly qmp: string }> = {
  declare: (command) =>
    command
      .argument('[name]', 'name of the domain (default: the name given to QEMU with -name)')
      .requiredOption('--qmp <socket>', 'unix socket of a QMP monitor that no other program uses'),
  example: 'stasis attach --qmp /run/my-qemu.qmp web',
  run: async ([name], { qmp }, { directories, signal, output }) => {
    const attached = await attachDomain(qmp, { ...directories, signal, name })
    for (const obstacle of attached.obstacles)
      output.note(`warning: it cannot be saved: ${obstacle}`)
    return {
      text: `Domain '${attached.name}' attached (process ${attached.id})`,
      json: { type: 'result', ...attached },
    }
  },
}
