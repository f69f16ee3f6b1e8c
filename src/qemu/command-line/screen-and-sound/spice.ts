import { DomainXmlError } from '../../../errors.ts'
import type {
  SpiceChannelMode,
  SpiceServer,
} from '../../domain-xml/model/screen-and-sound/graphics.ts'
import { escapeComma, keyValues, onOff } from '../arguments.ts'
import type { CommandLineOptions } from '../options.ts'

/** libvirt's `spice_tls_x509_cert_dir`. */
export const SPICE_CERTIFICATES = '/etc/pki/libvirt-spice'

/**
 * The value of `-spice`. It has no password. QEMU gets the password by QMP, and refuses all clients until then.
 * @throws DomainXmlError `XML_INVALID` for a channel that needs a port which is not there
 */
export function spice(server: SpiceServer, options: CommandLineOptions): string {
  const { ends, plain, tls } = endsOf(server, options)
  const certificates = tls ? { 'x509-dir': SPICE_CERTIFICATES } : {}
  const channels = [
    ...(server.defaultMode === 'any' ? [] : [{ name: 'default', mode: server.defaultMode }]),
    ...server.channels,
  ].flatMap(({ name, mode }) => {
    if (mode === 'any') return []
    checkMode(server, name, mode, { plain, tls })
    return [`${mode === 'secure' ? 'tls' : 'plaintext'}-channel=${name}`]
  })
  return [
    keyValues(ends),
    ...pairs({
      'agent-mouse': server.mouse === undefined ? undefined : onOff(server.mouse === 'client'),
      'disable-ticketing': server.password === undefined ? 'on' : undefined,
      ...certificates,
    }),
    ...channels,
    ...pairs({
      'image-compression': server.image,
      'jpeg-wan-compression': server.jpeg,
      'zlib-glz-wan-compression': server.zlib,
      'playback-compression': onOff(server.playback),
      'streaming-video': server.streaming,
      'disable-copy-paste': server.copyPaste === false ? 'on' : undefined,
      'disable-agent-file-xfer': server.fileTransfer === false ? 'on' : undefined,
      gl: server.gl ? 'on' : undefined,
      rendernode: server.gl ? server.renderNode : undefined,
    }),
    'seamless-migration=on',
  ].join(',')
}

type Pairs = Readonly<Record<string, string | number | undefined>>

function pairs(values: Pairs): readonly string[] {
  const text = keyValues(values)
  return text === '' ? [] : [text]
}

/** The socket or ports, and which kinds of connection they allow. QEMU demands a port, which may be 0. */
function endsOf(
  server: SpiceServer,
  { socketDirectory }: CommandLineOptions,
): { readonly ends: Pairs; readonly plain: boolean; readonly tls: boolean } {
  const { listen, port, tlsPort, address, place } = server
  if (listen === 'socket') {
    const made = socketDirectory === undefined ? undefined : `${socketDirectory}/spice.sock`
    const addr = server.socket ?? made
    if (addr === undefined || addr === '')
      throw new DomainXmlError('XML_INVALID', `${place}: the socket has no path`)
    return { ends: { unix: 'on', addr }, plain: true, tls: false }
  }
  if (listen === 'none' || (port === undefined && tlsPort === undefined))
    return { ends: { port: 0 }, plain: true, tls: false }
  for (const one of [port, tlsPort])
    if (one !== undefined && one > 65535)
      throw new DomainXmlError('XML_INVALID', `${place}: the port must be at most 65535`)
  return {
    ends: { port, 'tls-port': tlsPort, addr: address ?? '127.0.0.1' },
    plain: port !== undefined,
    tls: tlsPort !== undefined,
  }
}

function checkMode(
  { place }: SpiceServer,
  name: string,
  mode: SpiceChannelMode,
  has: { readonly plain: boolean; readonly tls: boolean },
): void {
  if (mode === 'secure' ? has.tls : has.plain) return
  const missing = mode === 'secure' ? 'tlsPort' : 'port'
  throw new DomainXmlError(
    'XML_INVALID',
    `${place}: the channel "${escapeComma(name)}" is ${mode}, but there is no ${missing}`,
  )
}
