import { controlState } from '../../../domain/status/control-state.ts'
import type { Verb } from '../../verb.ts'

/** `domcontrol DOMAIN` */
export const verb: Verb = {
  declare: (command) => command.argument('<domain>', 'name, UUID or id'),
  looks: true,
  example: 'stasis domcontrol web',
  run: async ([domain = ''], _flags, { directories, signal }) => {
    const { state, elapsedMs } = await controlState(domain, { ...directories, signal })
    const text = state === 'ok' ? 'ok' : `job (${(elapsedMs / 1000).toFixed(3)}s)`
    return { text, json: { type: 'result', state, elapsedMs } }
  },
}
