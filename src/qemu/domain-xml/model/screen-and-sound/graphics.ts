import type { Element } from '@xmldom/xmldom'
import { attribute, attributeNode, child, children, flag, whole } from '../../access.ts'
import { invalid, place } from '../../location.ts'
import { HIDDEN_PASSWORD } from '../../hidden-password.ts'

/** A display of the guest on the host: servers, and displays of this host itself. */
export type Graphics = VncServer | SpiceServer | EglDisplay | SdlDisplay | DbusDisplay

/** The common parts of servers of displays. */
interface Server {
  readonly place: string
  readonly listen: 'address' | 'socket' | 'none'
  readonly address: string | undefined
  readonly socket: string | undefined
  /** The TCP port; `undefined` for none, or for any free one. */
  readonly port: number | undefined
  readonly autoPort: boolean
  readonly keymap: string | undefined
  readonly password: ServerPassword | undefined
}

export interface VncServer extends Server {
  readonly type: 'vnc'
  readonly websocket: number | undefined
  readonly sharePolicy: string | undefined
  readonly powerControl: boolean | undefined
  readonly audioId: number | undefined
}

export interface SpiceServer extends Server {
  readonly type: 'spice'
  readonly tlsPort: number | undefined
  readonly defaultMode: SpiceChannelMode
  readonly channels: readonly SpiceChannel[]
  readonly image: string | undefined
  readonly jpeg: string | undefined
  readonly zlib: string | undefined
  readonly playback: boolean | undefined
  readonly streaming: string | undefined
  readonly copyPaste: boolean | undefined
  readonly fileTransfer: boolean | undefined
  /** `client`: the guest's agent moves the pointer. */
  readonly mouse: 'client' | 'server' | undefined
  readonly gl: boolean
  readonly renderNode: string | undefined
}

/** Rendering without a screen, for cards that use the host's graphics processor. */
export interface EglDisplay {
  readonly type: 'egl-headless'
  readonly place: string
  readonly renderNode: string | undefined
}

/** A window on a display of X. */
export interface SdlDisplay {
  readonly type: 'sdl'
  readonly place: string
  readonly display: string | undefined
  readonly authority: string | undefined
  readonly fullScreen: boolean
  readonly gl: boolean
}

/** A display for programs on D-Bus. */
export interface DbusDisplay {
  readonly type: 'dbus'
  readonly place: string
  /** Clients connect by QMP. */
  readonly peerToPeer: boolean
  readonly bus: string | undefined
  readonly gl: boolean
  readonly renderNode: string | undefined
  readonly audioId: number | undefined
}

/** Whether a display is one that clients reach over the network or a socket. */
export function isServer(graphics: Graphics): graphics is VncServer | SpiceServer {
  return graphics.type === 'vnc' || graphics.type === 'spice'
}

/** Whether a channel of SPICE needs TLS, must not have it, or may have it. */
export type SpiceChannelMode = 'any' | 'secure' | 'insecure'

export interface SpiceChannel {
  readonly name: string
  readonly mode: SpiceChannelMode
}

/** A password that QEMU gets by QMP, and never on its command line. */
export interface ServerPassword {
  readonly text: string
  /** Until when it is valid, in seconds since 1970; `undefined`: for ever. */
  readonly validTo: number | undefined
  /** The treatment of connected clients. */
  readonly connected: 'keep' | 'disconnect' | 'fail' | undefined
}

/** Reads a `<graphics>`. @throws DomainXmlError `XML_INVALID` for an impossible time */
export function readGraphics(element: Element): Graphics {
  const type = attribute(element, 'type') as Graphics['type']
  const own = { place: place(element) }
  const gl = child(element, 'gl')
  const enabled = flag(gl, 'enable') === true
  const renderNode = attribute(gl, 'rendernode')
  switch (type) {
    case 'vnc':
      return readVnc(element)
    case 'spice':
      return readSpice(element)
    case 'egl-headless':
      return { ...own, type, renderNode }
    case 'sdl':
      return {
        ...{ ...own, type, gl: enabled },
        display: attribute(element, 'display'),
        authority: attribute(element, 'xauth'),
        fullScreen: flag(element, 'fullscreen') === true,
      }
    case 'dbus':
      return {
        ...{ ...own, type, gl: enabled, renderNode },
        peerToPeer: flag(element, 'p2p') === true,
        bus: attribute(element, 'address'),
        audioId: whole(child(element, 'audio'), 'id'),
      }
  }
}

function readVnc(element: Element): VncServer {
  const port = portOf(element, 'port', -1)
  const websocket = portOf(element, 'websocket', 0)
  const autoPort = flag(element, 'autoport') ?? port < 0
  return {
    ...readServer(element, autoPort || port < 0 ? undefined : port),
    type: 'vnc',
    autoPort: autoPort || port < 0,
    websocket: websocket > 0 ? websocket : undefined,
    sharePolicy: attribute(element, 'sharePolicy'),
    powerControl: flag(element, 'powerControl'),
    audioId: whole(child(element, 'audio'), 'id'),
  }
}

function readSpice(element: Element): SpiceServer {
  const port = portOf(element, 'port', 0)
  const tlsPort = portOf(element, 'tlsPort', 0)
  const autoPort = flag(element, 'autoport') === true || (port < 0 && tlsPort < 0)
  const given = (number: number): number | undefined =>
    autoPort || number <= 0 ? undefined : number
  const mouse = attribute(child(element, 'mouse'), 'mode')
  return {
    ...readServer(element, given(port)),
    type: 'spice',
    autoPort: autoPort || port < 0,
    tlsPort: given(tlsPort),
    defaultMode: (attribute(element, 'defaultMode') ?? 'any') as SpiceChannelMode,
    channels: children(element, 'channel').map((channel) => ({
      name: attribute(channel, 'name') ?? '',
      mode: (attribute(channel, 'mode') ?? 'any') as SpiceChannelMode,
    })),
    image: attribute(child(element, 'image'), 'compression'),
    jpeg: attribute(child(element, 'jpeg'), 'compression'),
    zlib: attribute(child(element, 'zlib'), 'compression'),
    playback: flag(child(element, 'playback'), 'compression'),
    streaming: attribute(child(element, 'streaming'), 'mode'),
    copyPaste: flag(child(element, 'clipboard'), 'copypaste'),
    fileTransfer: flag(child(element, 'filetransfer'), 'enable'),
    mouse: mouse as SpiceServer['mouse'],
    gl: flag(child(element, 'gl'), 'enable') === true,
    renderNode: attribute(child(element, 'gl'), 'rendernode'),
  }
}

function readServer(element: Element, port: number | undefined): Omit<Server, 'autoPort'> {
  const listen = child(element, 'listen')
  const socket = attribute(listen, 'socket') ?? attribute(element, 'socket')
  const type = attribute(listen, 'type') ?? (socket === undefined ? 'address' : 'socket')
  return {
    place: place(element),
    listen: type as Server['listen'],
    address: attribute(listen, 'address') ?? attribute(element, 'listen'),
    socket,
    port,
    keymap: attribute(element, 'keymap'),
    password: readPassword(element),
  }
}

function portOf(element: Element, name: string, absent: number): number {
  return Number(attribute(element, name) ?? absent)
}

function readPassword(element: Element): ServerPassword | undefined {
  const text = attribute(element, 'passwd')
  if (text === undefined) return undefined
  if (text === HIDDEN_PASSWORD)
    throw invalid(
      attributeNode(element, 'passwd'),
      'the password is hidden',
      'Write the password, or dump the XML with --security-info',
    )
  const until = attribute(element, 'passwdValidTo')
  // libvirt writes the time in UTC without saying so.
  const validTo = until === undefined ? undefined : Date.parse(`${until}Z`) / 1000
  if (Number.isNaN(validTo))
    throw invalid(attributeNode(element, 'passwdValidTo'), `"${until}" is not a valid time`)
  const connected = attribute(element, 'connected')
  return { text, validTo, connected: connected as ServerPassword['connected'] }
}
