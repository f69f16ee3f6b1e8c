import { deleteCheckpoint } from '../../../domain/checkpoint/delete-checkpoint.ts'
import { type WhichFlags, declareWhich, whichSnapshot } from '../../options/which-snapshot.ts'
import type { Verb } from '../../verb.ts'

interface Flags extends WhichFlags {
  readonly children?: boolean
}

/** `snapshot-delete DOMAIN NAME` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    declareWhich(command).option(
      '--children',
      'also delete the checkpoints that were made after it in its branch',
    ),
  example: 'stasis snapshot-delete web monday',
  run: async ([domain = '', name], flags, { directories, signal, output }) => {
    const options = { ...directories, signal }
    const meant = await whichSnapshot(domain, name, flags, options)
    const { children } = flags
    const result = await deleteCheckpoint(domain, meant, {
      ...options,
      children,
      onWarning: output.warn,
    })
    const text = `Domain snapshot ${meant} deleted`
    return { text, json: { type: 'result', ...result } }
  },
}
