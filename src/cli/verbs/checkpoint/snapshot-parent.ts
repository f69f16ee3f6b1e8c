import { DomainError } from '../../../errors.ts'
import { readCheckpoint } from '../../../domain/checkpoint/list-checkpoints.ts'
import { type WhichFlags, declareWhich, whichSnapshot } from '../../options/which-snapshot.ts'
import type { Verb } from '../../verb.ts'

/** `snapshot-parent DOMAIN NAME` */
export const verb: Verb<WhichFlags> = {
  declare: declareWhich,
  looks: true,
  example: 'stasis snapshot-parent web monday',
  run: async ([domain = '', asked], flags, { directories, signal }) => {
    const options = { ...directories, signal }
    const name = await whichSnapshot(domain, asked, flags, options)
    const { parent } = await readCheckpoint(domain, name, options)
    if (parent === undefined)
      throw new DomainError(
        'CHECKPOINT_NOT_FOUND',
        `Checkpoint '${name}' of domain '${domain}' has no parent`,
      )
    return { text: parent, json: { type: 'result', name, parent } }
  },
}
