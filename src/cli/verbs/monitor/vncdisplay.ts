import { domainDisplays } from '../../../domain/status/displays.ts'
import { DomainError } from '../../../errors.ts'
import { vncDisplayText } from '../../reports/display.ts'
import type { Verb } from '../../verb.ts'

/** `vncdisplay DOMAIN` */
export const verb: Verb = {
  declare: (command) => command.argument('<domain>', 'name, UUID or id'),
  looks: true,
  example: 'stasis vncdisplay web',
  run: async ([domain = ''], _flags, { directories, signal }) => {
    const { name, displays } = await domainDisplays(domain, { ...directories, signal })
    const display = displays.find(({ type, port }) => type === 'vnc' && port !== undefined)
    const text = display && vncDisplayText(display)
    if (text === undefined)
      throw new DomainError('DOMAIN_WRONG_STATE', `Domain '${name}' has no VNC server with a port`)
    return {
      text,
      json: { type: 'result', name, address: display?.address, port: display?.port, display: text },
    }
  },
}
