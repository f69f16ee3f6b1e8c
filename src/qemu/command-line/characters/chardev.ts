import { DomainXmlError } from '../../../errors.ts'
import type { CharacterBackend } from '../../domain-xml/model/characters/character.ts'
import type { Device } from '../../domain-xml/model/buses/device.ts'
import type { VhostUserSocket } from '../../domain-xml/model/characters/vhost-user.ts'
import { keyValues, object, onOff } from '../arguments.ts'
import { atLeast, type CommandLineOptions } from '../options.ts'

/**
 * `-chardev`: the host's side of a character device.
 *
 * @param id the device's id; the backend's id is `char` followed by it
 * @param use the device's kind, which clients of SPICE see, and which decides the kind of a device of the host
 */
export function chardev(
  backend: CharacterBackend,
  id: string,
  device: Device,
  options: CommandLineOptions,
  use: 'vdagent' | 'usbredir' | 'smartcard' | 'parallel' = 'vdagent',
): readonly string[] {
  const log =
    backend.log === undefined
      ? ''
      : `,${keyValues({ logfile: backend.log.file, logappend: onOff(backend.log.append) })}`
  const described = describe(backend, { id: `char${id}`, deviceId: id, device, use }, options)
  return [...credentials(backend, `char${id}`), '-chardev', `${described}${log}`]
}

function describe(
  backend: CharacterBackend,
  { id, deviceId, device, use }: Use,
  options: CommandLineOptions,
): string {
  switch (backend.type) {
    case 'null':
    case 'pty':
    case 'stdio':
    case 'vc':
      return `${backend.type},id=${id}`
    case 'file':
      return `file,${keyValues({ id, path: backend.path, append: onOff(backend.append) })}`
    case 'unix':
      return `socket,${keyValues({ id, path: socketPath(backend, deviceId, device, options) })}${endpointOptions(backend, options)}`
    case 'tcp': {
      const host = backend.host ?? (backend.mode === 'bind' ? '127.0.0.1' : 'localhost')
      const telnet = backend.telnet ? ',telnet=on' : ''
      const tls = backend.tls ? `,tls-creds=${credentialsId(id)}` : ''
      return `socket,${keyValues({ id, host, port: backend.service })}${telnet}${endpointOptions(backend, options)}${tls}`
    }
    case 'udp': {
      const { host, service: port, local } = backend
      const ends = { host, port, localaddr: local.host ?? '', localport: local.service ?? '0' }
      return `udp,${keyValues({ id, ...ends })}`
    }
    case 'dev':
      return `${use === 'parallel' ? 'parallel' : 'serial'},${keyValues({ id, path: backend.path })}`
    case 'pipe':
      return `pipe,${keyValues({ id, path: backend.path })}`
    case 'spicevmc':
      return `spicevmc,id=${id},name=${use}`
    case 'dbus':
    case 'spiceport':
      return `${backend.type},${keyValues({ id, name: backend.channel })}`
    case 'qemu-vdagent': {
      const { clipboard, mouse } = backend
      const allowed = { clipboard: onOff(clipboard), mouse: onOff(mouse) }
      return `qemu-vdagent,${keyValues({ id, name: 'vdagent', ...allowed })}`
    }
  }
}

/** The purpose of a backend. */
interface Use {
  readonly id: string
  readonly deviceId: string
  readonly device: Device
  readonly use: string
}

/** libvirt's `chardev_tls_x509_cert_dir`. */
export const CHARDEV_CERTIFICATES = '/etc/pki/libvirt-chardev'

function credentials({ type, tls, mode }: CharacterBackend, id: string): readonly string[] {
  if (type !== 'tcp' || !tls) return []
  return object({
    'qom-type': 'tls-creds-x509',
    id: credentialsId(id),
    dir: CHARDEV_CERTIFICATES,
    endpoint: mode === 'bind' ? 'server' : 'client',
    'verify-peer': true,
  })
}

function credentialsId(id: string): string {
  return `obj${id}_tls0`
}

function endpointOptions(backend: CharacterBackend, options: CommandLineOptions): string {
  return backend.mode === 'bind'
    ? ',server=on,wait=off'
    : reconnectOption(backend.reconnectSeconds, options)
}

/** How often a socket that has lost its peer connects again. */
function reconnectOption(
  seconds: number | undefined,
  { qemuVersion }: Pick<CommandLineOptions, 'qemuVersion'>,
): string {
  if (seconds === undefined) return ''
  return atLeast(qemuVersion, 9, 2) ? `,reconnect-ms=${seconds * 1000}` : `,reconnect=${seconds}`
}

/** `-chardev` for a socket to the process that is the other half of a virtio device; `fd`: the connection that QEMU inherits to it. */
export function vhostUserSocket(
  { path, listens, reconnectSeconds }: VhostUserSocket,
  id: string,
  options: Pick<CommandLineOptions, 'qemuVersion'>,
): readonly string[] {
  const more = listens ? ',server=on' : reconnectOption(reconnectSeconds, options)
  return ['-chardev', `socket,${keyValues({ id, path })}${more}`]
}

function socketPath(
  backend: CharacterBackend,
  deviceId: string,
  device: Device,
  options: CommandLineOptions,
): string {
  if (backend.path !== undefined && backend.path !== '') return backend.path
  if (options.socketDirectory !== undefined) return `${options.socketDirectory}/${deviceId}.sock`
  throw new DomainXmlError('XML_INVALID', `${device.place}: the unix socket has no path`)
}
