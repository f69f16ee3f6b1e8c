import { DomainXmlError } from '../../../errors.ts'
import type { Domain } from '../../domain-xml/model/domain.ts'
import {
  type DbusDisplay,
  type Graphics,
  isServer,
  type SdlDisplay,
  type VncServer,
} from '../../domain-xml/model/screen-and-sound/graphics.ts'
import { escapeComma, keyValues } from '../arguments.ts'
import { audioBackendId } from './audio.ts'
import type { CommandLineOptions } from '../options.ts'
import { spice } from './spice.ts'

const FIRST_PORT = 5900

/** `-vnc`, `-spice`, `-display`, or no display at all. */
export function graphicsArguments(domain: Domain, options: CommandLineOptions): readonly string[] {
  if (domain.graphics.length === 0) return ['-display', 'none']
  checkHeadless(domain.graphics)
  return domain.graphics.flatMap((graphics) => [
    ...server(graphics, domain, options),
    ...(isServer(graphics) && graphics.keymap !== undefined ? ['-k', graphics.keymap] : []),
  ])
}

/** QEMU renders for one display only. */
function checkHeadless(all: readonly Graphics[]): void {
  const headless = all.find(({ type }) => type === 'egl-headless')
  const other = all.find((one) => one !== headless && 'gl' in one && (one.gl || !isServer(one)))
  if (headless === undefined || other === undefined) return
  throw new DomainXmlError(
    'XML_INVALID',
    `${headless.place}: a display of type "${other.type}" does not go with "egl-headless"`,
    { hint: 'Remove one of them, or the <gl> of the other' },
  )
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
    case 'egl-headless':
      return display('egl-headless', { rendernode: graphics.renderNode })
    case 'sdl':
      return [
        ...display('sdl', { gl: graphics.gl ? 'on' : undefined }),
        ...(graphics.fullScreen ? ['-full-screen'] : []),
      ]
    case 'dbus':
      return dbus(graphics, domain)
  }
}

function display(
  type: string,
  options: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const text = keyValues(options)
  return ['-display', text === '' ? type : `${type},${text}`]
}

function dbus(graphics: DbusDisplay, { audios }: Domain): readonly string[] {
  const { peerToPeer, bus, gl, renderNode, audioId } = graphics
  const audio = audios.find(({ id, type }) => type === 'dbus' && id === audioId)
  return display('dbus', {
    addr: peerToPeer ? undefined : bus,
    p2p: peerToPeer ? 'on' : undefined,
    gl: gl ? 'on' : undefined,
    rendernode: gl ? renderNode : undefined,
    audiodev: audio === undefined ? undefined : audioBackendId(audio.id),
  })
}

/** Environment variables for QEMU: the display of X on which it shows a window. */
export function displayEnvironment({ graphics }: Domain): Readonly<Record<string, string>> {
  const sdl = graphics.find((one): one is SdlDisplay => one.type === 'sdl')
  return {
    ...(sdl?.display !== undefined && { DISPLAY: sdl.display }),
    ...(sdl?.authority !== undefined && { XAUTHORITY: sdl.authority }),
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
