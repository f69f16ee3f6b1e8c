import { ownVersion, versions } from '../../../domain/status/version.ts'
import { formatFacts } from '../../terminal/table.ts'
import type { Verb } from '../../verb.ts'

/** `version` */
export const verb: Verb<{ readonly short?: boolean }> = {
  declare: (command) => command.option('--short', 'only the version of Stasis'),
  looks: true,
  example: 'stasis version',
  run: async (_args, { short }, { directories, signal }) => {
    if (short === true) {
      const version = await ownVersion()
      return { text: version, json: { type: 'result', stasis: version } }
    }
    const { stasis, node, qemu } = await versions({ ...directories, signal })
    const facts: [string, string][] = [
      ['Stasis', stasis],
      ['Node', node],
      ['QEMU', qemu === undefined ? 'not found' : `${qemu.version} (${qemu.emulator})`],
    ]
    return { text: formatFacts(facts), json: { type: 'result', stasis, node, qemu } }
  },
}
