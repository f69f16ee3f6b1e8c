import { shareState } from '../../../domain/host/share-state.ts'
import type { Verb } from '../../verb.ts'

/** `state-share` */
export const verb: Verb = {
  declare: (command) => command,
  example: 'STASIS_STATE_DIR=/shared/stasis stasis state-share',
  run: async (_args, _flags, { directories, signal }) => {
    const shared = await shareState({ ...directories, signal })
    const { stateDir, host } = shared
    return {
      text: `Other hosts may use ${stateDir} now; this host is '${host}'`,
      json: { type: 'result', ...shared },
    }
  },
}
