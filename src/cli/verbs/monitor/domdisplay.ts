import { domainDisplays } from '../../../domain/status/displays.ts'
import { DomainError } from '../../../errors.ts'
import { displayUri } from '../../reports/display.ts'
import type { Verb } from '../../verb.ts'

interface Flags {
  readonly all?: boolean
  readonly type?: string
}

/** `domdisplay DOMAIN` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name, UUID or id')
      .option('--all', 'all displays, not only the first')
      .option('--type <type>', 'only displays of this type: vnc, spice'),
  looks: true,
  example: 'stasis domdisplay web',
  run: async ([domain = ''], { all, type: wanted }, { directories, signal }) => {
    const { name, displays } = await domainDisplays(domain, { ...directories, signal })
    const uris = displays.filter(({ type }) => type === (wanted ?? type)).map(displayUri)
    if (uris.length === 0) {
      const kind = wanted === undefined ? 'graphical' : wanted
      throw new DomainError('DOMAIN_WRONG_STATE', `Domain '${name}' has no ${kind} display`)
    }
    const shown = all === true ? uris : uris.slice(0, 1)
    return { text: shown.join('\n'), json: { type: 'result', name, uris: shown } }
  },
}
