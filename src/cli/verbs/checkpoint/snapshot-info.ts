import { DomainError } from '../../../errors.ts'
import { listCheckpoints } from '../../../domain/checkpoint/list-checkpoints.ts'
import { type WhichFlags, declareWhich, whichSnapshot } from '../../options/which-snapshot.ts'
import { snapshotState } from '../../reports/checkpoints.ts'
import { formatFacts } from '../../terminal/table.ts'
import type { Verb } from '../../verb.ts'

/** `snapshot-info DOMAIN NAME` */
export const verb: Verb<WhichFlags> = {
  declare: declareWhich,
  looks: true,
  example: 'stasis snapshot-info web monday',
  run: async ([domain = '', asked], flags, { directories, signal }) => {
    const options = { ...directories, signal }
    const name = await whichSnapshot(domain, asked, flags, options)
    const { domain: found, checkpoints } = await listCheckpoints(domain, options)
    const checkpoint = checkpoints.find((one) => one.name === name)
    if (checkpoint === undefined)
      throw new DomainError('CHECKPOINT_NOT_FOUND', `Domain '${found}' has no checkpoint '${name}'`)
    const childrenOf = (parent: string): readonly string[] =>
      checkpoints.filter((one) => one.parent === parent).map((one) => one.name)
    const below = (parent: string): number =>
      childrenOf(parent).reduce((sum, child) => sum + 1 + below(child), 0)
    const counts = { children: childrenOf(name).length, descendants: below(name) }
    const { current, parent } = checkpoint
    const text = formatFacts([
      ['Name', name],
      ['Domain', found],
      ['Current', current ? 'yes' : 'no'],
      ['State', snapshotState(checkpoint)],
      ['Location', 'external'],
      ['Parent', parent ?? '-'],
      ['Children', String(counts.children)],
      ['Descendants', String(counts.descendants)],
      ['Metadata', 'yes'],
    ])
    return { text, json: { type: 'result', domain: found, ...checkpoint, ...counts } }
  },
}
