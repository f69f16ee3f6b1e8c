import { DomainXmlError } from '../../errors.ts'
import type { Domain } from '../domain-xml/model/domain.ts'
import type { Graphics, VncServer } from '../domain-xml/model/graphics.ts'
import { escapeComma } from './arguments.ts'
import { audioBackendId } from './audio.ts'
import type { CommandLineOptions } from './options.ts'
import { spice } from './spice.ts'

const FIRST_PORT = 5900

/** `-vnc`, `-spice`, or no display at all. */
export function graphicsArguments(domain: Domain, options: CommandLineOptions): readonly string[] {
  if (domain.graphics.length === 0) return ['-display', 'none']
  return domain.graphics.flatMap((graphics) => [
    ...server(graphics, domain, options),
    ...(graphics.keymap === undefined ? [] : ['-k', graphics.keymap]),
  ])
}

function server(
  graphics: Graphics,
  domain: Domain,
  options: CommandLineOptions,
): readonly string[] {
  switch (graphics.type) {
    case 'vnc':
      return ['-vnc', `${vnc(graphics, options)}${audioOf(graphics, domain)}`]
    case 'spice':
      return ['-spice', spice(graphics, options)]
  }
}

/** Clients of VNC hear what goes to this backend. */
function audioOf({ audioId }: VncServer, { audios }: Domain): string {
  const audio = audios.find(({ id }) => id === audioId) ?? audios[0]
  return audio === undefined ? '' : `,audiodev=${audioBackendId(audio.id)}`
}

function vnc(graphics: VncServer, options: CommandLineOptions): string {
  const parts = [
    where(graphics, options),
    ...(graphics.password === undefined ? [] : ['password=on']),
    ...(graphics.websocket === undefined ? [] : [`websocket=${graphics.websocket}`]),
    ...(graphics.sharePolicy === undefined ? [] : [`share=${graphics.sharePolicy}`]),
    ...(graphics.powerControl === undefined
      ? []
      : [`power-control=${graphics.powerControl ? 'on' : 'off'}`]),
  ]
  return parts.join(',')
}

function where(graphics: VncServer, { socketDirectory }: CommandLineOptions): string {
  if (graphics.listen === 'none') return 'none'
  if (graphics.listen === 'socket') {
    const made = socketDirectory === undefined ? undefined : `${socketDirectory}/vnc.sock`
    const socket = graphics.socket ?? made
    if (socket === undefined || socket === '') {
      throw new DomainXmlError('XML_INVALID', `${graphics.place}: the socket has no path`)
    }
    return `vnc=unix:${escapeComma(socket)}`
  }
  const address = graphics.address ?? '127.0.0.1'
  const host = address.includes(':') ? `[${address}]` : escapeComma(address)
  if (graphics.port === undefined) return `${host}:0,to=${65535 - FIRST_PORT}`
  if (graphics.port < FIRST_PORT || graphics.port > 65535) {
    throw new DomainXmlError(
      'XML_INVALID',
      `${graphics.place}: the port must be between 5900 and 65535`,
    )
  }
  return `${host}:${graphics.port - FIRST_PORT}`
}
