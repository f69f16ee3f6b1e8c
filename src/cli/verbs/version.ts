import { versions } from '../../domain/status/version.ts'
import { formatFacts } from '../terminal/table.ts'
import type { Verb } from '../verb.ts'

/** `version` */
export const verb: Verb = {
  declare: (command) => command,
  example: 'stasis version',
  run: async (_args, _flags, { directories, signal }) => {
    const { stasis, node, qemu } = await versions({ ...directories, signal })
    const facts: [string, string][] = [
      ['Stasis', stasis],
      ['Node', node],
      ['QEMU', qemu === undefined ? 'not found' : `${qemu.version} (${qemu.emulator})`],
    ]
    return { text: formatFacts(facts), json: { type: 'result', stasis, node, qemu } }
  },
}
