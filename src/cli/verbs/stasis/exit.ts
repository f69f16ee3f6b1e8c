import type { Verb } from '../../verb.ts'

/** `exit` */
export const verb: Verb = {
  declare: (command) => command,
  looks: true,
  example: 'stasis exit      (at the prompt or in a script)',
  run: async (_args, _flags, { end }) => {
    end()
    return undefined
  },
}
