import { readCheckpoint } from '../../../domain/checkpoint/list-checkpoints.ts'
import { snapshotXml } from '../../../domain/checkpoint/snapshot-xml.ts'
import { whichSnapshot } from '../../options/which-snapshot.ts'
import type { Verb } from '../../verb.ts'

interface Flags {
  readonly name?: boolean
}

/** `snapshot-current DOMAIN` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name, UUID or id')
      .option('--name', 'only its name, without the XML'),
  looks: true,
  example: 'stasis snapshot-current web --name',
  run: async ([domain = ''], flags, { directories, signal }) => {
    const options = { ...directories, signal }
    const name = await whichSnapshot(domain, undefined, { current: true }, options)
    if (flags.name === true) return { text: name, json: { type: 'result', name } }
    const xml = snapshotXml(await readCheckpoint(domain, name, options))
    return { text: xml.trimEnd(), json: { type: 'result', name, xml } }
  },
}
