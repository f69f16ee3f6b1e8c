import { UsageError } from '../../../errors.ts'
import { attachDomain } from '../../../domain/foreign/attach.ts'
import { attachNamedDomain } from '../../../domain/foreign/attach-named.ts'
import type { Verb } from '../../verb.ts'

interface Flags {
  readonly qmp?: string
  readonly libvirt?: string
}

/** `attach --qmp SOCKET [NAME]`, `attach NAME`, `attach --libvirt NAME` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .argument(
        '[name]',
        'with --qmp: name of the domain (default: the name given to QEMU with -name); otherwise: name, UUID or pid of the QEMU to find',
      )
      .option('--qmp <socket>', 'unix socket of a QMP monitor that no other program uses')
      .option('--libvirt <name>', 'the same as the name alone'),
  example: 'stasis attach --qmp /run/my-qemu.qmp web',
  run: async ([given], { qmp, libvirt }, { directories, signal, output }) => {
    const name = given ?? libvirt
    if (qmp === undefined && name === undefined)
      throw new UsageError('BAD_ARGUMENT', 'No QEMU was given', {
        hint: 'Give its name, or the socket of its monitor: --qmp SOCKET',
      })
    if (given !== undefined && libvirt !== undefined && given !== libvirt)
      throw new UsageError('BAD_COMBINATION', 'Two different names are given')
    const options = { ...directories, signal }
    const attached =
      qmp === undefined
        ? await attachNamedDomain(name ?? '', options)
        : await attachDomain(qmp, { ...options, name })
    for (const obstacle of attached.obstacles) output.warn(`it cannot be saved: ${obstacle}`)
    return {
      text: `Domain '${attached.name}' attached (process ${attached.id})`,
      json: { type: 'result', ...attached },
    }
  },
}
