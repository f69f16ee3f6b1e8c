import { readCheckpoint } from '../../../domain/checkpoint/list-checkpoints.ts'
import { snapshotXml } from '../../../domain/checkpoint/snapshot-xml.ts'
import { type WhichFlags, declareWhich, whichSnapshot } from '../../options/which-snapshot.ts'
import type { Verb } from '../../verb.ts'

/** `snapshot-dumpxml DOMAIN NAME` */
export const verb: Verb<WhichFlags> = {
  declare: declareWhich,
  looks: true,
  example: 'stasis snapshot-dumpxml web monday',
  run: async ([domain = '', name], flags, { directories, signal }) => {
    const options = { ...directories, signal }
    const meant = await whichSnapshot(domain, name, flags, options)
    const xml = snapshotXml(await readCheckpoint(domain, meant, options))
    return { text: xml.trimEnd(), json: { type: 'result', xml } }
  },
}
