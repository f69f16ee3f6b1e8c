import { shareState } from '../../../domain/host/share-state.ts'
import type { Verb } from '../../verb.ts'

/** `state-share` */
export const verb: Verb<{ readonly saveDir?: string }> = {
  declare: (command) =>
    command.option('--save-dir <dir>', 'keep managed saves there, on every host (absolute path)'),
  example: 'STASIS_STATE_DIR=/shared/stasis stasis state-share',
  run: async (_args, { saveDir: saveDirectory }, { directories, signal }) => {
    const shared = await shareState({ ...directories, signal, saveDirectory })
    const { stateDir, host } = shared
    const saves =
      shared.saveDirectory === undefined ? '' : `. Managed saves are in ${shared.saveDirectory}`
    return {
      text: `Other hosts may use ${stateDir} now; this host is '${host}'${saves}`,
      json: { type: 'result', ...shared },
    }
  },
}
