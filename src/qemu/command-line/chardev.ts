import { DomainXmlError } from '../../errors.ts'
import type { CharacterBackend } from '../domain-xml/model/character.ts'
import type { Device } from '../domain-xml/model/device.ts'
import { keyValues, onOff } from './arguments.ts'
import { atLeast, type CommandLineOptions } from './options.ts'

/**
 * `-chardev`: the host's side of a serial port, console or channel.
 *
 * @param id the device's id; the backend's id is `char` followed by it
 */
export function chardev(
  backend: CharacterBackend,
  id: string,
  device: Device,
  options: CommandLineOptions,
): readonly string[] {
  const log =
    backend.log === undefined
      ? ''
      : `,${keyValues({ logfile: backend.log.file, logappend: onOff(backend.log.append) })}`
  return ['-chardev', `${describe(backend, `char${id}`, id, device, options)}${log}`]
}

function describe(
  backend: CharacterBackend,
  id: string,
  deviceId: string,
  device: Device,
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
      return `socket,${keyValues({ id, host, port: backend.service })}${telnet}${endpointOptions(backend, options)}`
    }
  }
}

function endpointOptions(backend: CharacterBackend, options: CommandLineOptions): string {
  if (backend.mode === 'bind') return ',server=on,wait=off'
  const seconds = backend.reconnectSeconds
  if (seconds === undefined) return ''
  return atLeast(options.qemuVersion, 9, 2)
    ? `,reconnect-ms=${seconds * 1000}`
    : `,reconnect=${seconds}`
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
