import { isIPv4 } from 'node:net'
import type { Element } from '@xmldom/xmldom'
import {
  attribute,
  child,
  children,
  flag,
  requiredAttribute,
  requiredChild,
  whole,
} from '../../access.ts'
import { invalid } from '../../location.ts'
import { type Device, readDevice } from '../buses/device.ts'
import { readReconnect } from './vhost-user.ts'

/** The host's side of a serial port, console or channel. */
export interface CharacterBackend {
  readonly type:
    | 'null'
    | 'pty'
    | 'file'
    | 'unix'
    | 'tcp'
    | 'stdio'
    | 'vc'
    | 'udp'
    | 'dev'
    | 'pipe'
    | 'dbus'
    | 'spicevmc'
    | 'spiceport'
    | 'qemu-vdagent'
  readonly path: string | undefined
  readonly append: boolean | undefined
  /** `bind`: QEMU listens; `connect`: QEMU connects. */
  readonly mode: 'bind' | 'connect'
  readonly host: string | undefined
  readonly service: string | undefined
  readonly telnet: boolean
  /** Whether a TCP connection is encrypted. */
  readonly tls: boolean
  /** The local end of UDP; `host` and `service` are the other one. */
  readonly local: { readonly host: string | undefined; readonly service: string | undefined }
  /** The name of a port of SPICE or D-Bus. */
  readonly channel: string | undefined
  /** The permissions of the agent of a guest. */
  readonly clipboard: boolean | undefined
  readonly mouse: boolean | undefined
  /** Seconds between attempts to reconnect; 0 for never. */
  readonly reconnectSeconds: number | undefined
  readonly log: { readonly file: string; readonly append: boolean | undefined } | undefined
}

/** A serial port of the guest. */
export interface SerialPort extends Device {
  /** `system-serial`: one that the machine itself has. */
  readonly target: 'isa-serial' | 'pci-serial' | 'usb-serial' | 'isa-debug' | 'system-serial'
  readonly model: string
  readonly port: number | undefined
  readonly backend: CharacterBackend
}

/** A `<console>`: of type `serial` it is another name for the first serial port. */
export interface Console extends Device {
  readonly target: 'serial' | 'virtio'
  readonly backend: CharacterBackend
}

/** A named virtio port, like the guest agent's. */
export interface Channel extends Device {
  readonly name: string | undefined
  readonly backend: CharacterBackend
}

/** A parallel port of the guest. */
export interface ParallelPort extends Device {
  readonly backend: CharacterBackend
}

/** An address in the guest's user network behind which there is a character device of the host. */
export interface GuestForward extends Device {
  readonly ip: string
  readonly port: number
  readonly backend: CharacterBackend
}

const defaultModels = {
  'isa-serial': 'isa-serial',
  'pci-serial': 'pci-serial',
  'usb-serial': 'usb-serial',
  'isa-debug': 'isa-debugcon',
  'system-serial': 'pl011',
} as const

/** Reads a `<serial>`. */
export function readSerial(element: Element): SerialPort {
  const target = child(element, 'target')
  const type = (attribute(target, 'type') ?? 'isa-serial') as SerialPort['target']
  return {
    ...readDevice(element),
    target: type,
    model: attribute(child(target, 'model'), 'name') ?? defaultModels[type],
    port: whole(target, 'port'),
    backend: readBackend(element),
  }
}

/** Reads a `<parallel>`. */
export function readParallel(element: Element): ParallelPort {
  return { ...readDevice(element), backend: readBackend(element) }
}

/** Reads a `<console>`. */
export function readConsole(element: Element): Console {
  return {
    ...readDevice(element),
    target: attribute(child(element, 'target'), 'type') === 'virtio' ? 'virtio' : 'serial',
    backend: readBackend(element),
  }
}

/** Whether a `<channel>` is an address in the guest's user network. */
export function isGuestForward(element: Element): boolean {
  return attribute(child(element, 'target'), 'type') === 'guestfwd'
}

/** Reads a `<channel>` with `<target type='guestfwd'/>`. @throws DomainXmlError `XML_INVALID` */
export function readGuestForward(element: Element): GuestForward {
  const target = requiredChild(element, 'target')
  const ip = requiredAttribute(target, 'address')
  const port = whole(target, 'port')
  if (!isIPv4(ip)) throw invalid(target, `"${ip}" is not a valid IPv4 address`)
  if (port === undefined || port < 1 || port > 65535)
    throw invalid(target, 'the port must be between 1 and 65535')
  return { ...readDevice(element), ip, port, backend: readBackend(element) }
}

/** Reads a `<channel>`. */
export function readChannel(element: Element): Channel {
  return {
    ...readDevice(element),
    name: attribute(requiredChild(element, 'target'), 'name'),
    backend: readBackend(element),
  }
}

/** Reads the host's side of a character device. @throws DomainXmlError `XML_INVALID` */
export function readBackend(
  element: Element,
  usual: CharacterBackend['type'] = 'pty',
  usualChannel?: string,
): CharacterBackend {
  const type = (attribute(element, 'type') ?? usual) as CharacterBackend['type']
  const sources = children(element, 'source')
  const end = (mode: string): Element | undefined =>
    sources.find((one) => attribute(one, 'mode') === mode)
  const source = type === 'udp' ? (end('connect') ?? sources[0]) : sources[0]
  const local = type === 'udp' ? end('bind') : undefined
  const log = child(element, 'log')
  const mode = attribute(source, 'mode') === 'connect' ? 'connect' : 'bind'
  if (type === 'file' || type === 'dev' || type === 'pipe')
    requiredAttribute(requiredChild(element, 'source'), 'path')
  if (type === 'unix' && mode === 'connect')
    requiredAttribute(requiredChild(element, 'source'), 'path')
  const named = type === 'spiceport' || type === 'dbus'
  if (named && usualChannel === undefined)
    requiredAttribute(requiredChild(element, 'source'), 'channel')
  if (type === 'tcp' || type === 'udp') {
    if (source === undefined) throw invalid(element, 'the element <source> is missing')
    requiredAttribute(source, 'service')
  }
  const mouse = attribute(child(source, 'mouse'), 'mode')
  return {
    type,
    path: attribute(source, 'path'),
    append: flag(source, 'append'),
    mode,
    host: attribute(source, 'host'),
    service: attribute(source, 'service'),
    telnet: attribute(child(element, 'protocol'), 'type') === 'telnet',
    tls: flag(source, 'tls') === true,
    local: { host: attribute(local, 'host'), service: attribute(local, 'service') },
    channel: attribute(source, 'channel') ?? usualChannel,
    clipboard: flag(child(source, 'clipboard'), 'copypaste'),
    mouse: mouse === undefined ? undefined : mouse === 'client',
    reconnectSeconds: readReconnect(child(source, 'reconnect')),
    log:
      log === undefined
        ? undefined
        : { file: requiredAttribute(log, 'file'), append: flag(log, 'append') },
  }
}
