import type { Verb } from '../../verb.ts'

/** `pwd` */
export const verb: Verb = {
  declare: (command) => command,
  looks: true,
  example: 'stasis pwd',
  run: async () => ({ text: process.cwd(), json: { type: 'result', path: process.cwd() } }),
}
