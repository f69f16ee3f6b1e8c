import type { Element } from '@xmldom/xmldom'
import { attribute, child, flag, requiredAttribute, requiredChild, whole } from '../access.ts'
import { invalid } from '../location.ts'
import { type Device, readDevice } from './device.ts'

/** The host's side of a serial port, console or channel. */
export interface CharacterBackend {
  readonly type: 'null' | 'pty' | 'file' | 'unix' | 'tcp' | 'stdio' | 'vc'
  readonly path: string | undefined
  readonly append: boolean | undefined
  /** `bind`: QEMU listens; `connect`: QEMU connects. */
  readonly mode: 'bind' | 'connect'
  readonly host: string | undefined
  readonly service: string | undefined
  readonly telnet: boolean
  /** Seconds between attempts to reconnect; 0 for never. */
  readonly reconnectSeconds: number | undefined
  readonly log: { readonly file: string; readonly append: boolean | undefined } | undefined
}

/** A serial port of the guest. */
export interface SerialPort extends Device {
  readonly target: 'isa-serial' | 'pci-serial' | 'usb-serial' | 'isa-debug'
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

const defaultModels = {
  'isa-serial': 'isa-serial',
  'pci-serial': 'pci-serial',
  'usb-serial': 'usb-serial',
  'isa-debug': 'isa-debugcon',
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

/** Reads a `<console>`. */
export function readConsole(element: Element): Console {
  return {
    ...readDevice(element),
    target: attribute(child(element, 'target'), 'type') === 'virtio' ? 'virtio' : 'serial',
    backend: readBackend(element),
  }
}

/** Reads a `<channel>`. */
export function readChannel(element: Element): Channel {
  return {
    ...readDevice(element),
    name: attribute(requiredChild(element, 'target'), 'name'),
    backend: readBackend(element),
  }
}

function readBackend(element: Element): CharacterBackend {
  const type = (attribute(element, 'type') ?? 'pty') as CharacterBackend['type']
  const source = child(element, 'source')
  const log = child(element, 'log')
  const mode = attribute(source, 'mode') === 'connect' ? 'connect' : 'bind'
  if (type === 'file') requiredAttribute(requiredChild(element, 'source'), 'path')
  if (type === 'tcp') {
    if (source === undefined) throw invalid(element, 'the element <source> is missing')
    requiredAttribute(source, 'service')
  }
  const reconnect = child(source, 'reconnect')
  return {
    type,
    path: attribute(source, 'path'),
    append: flag(source, 'append'),
    mode,
    host: attribute(source, 'host'),
    service: attribute(source, 'service'),
    telnet: attribute(child(element, 'protocol'), 'type') === 'telnet',
    reconnectSeconds:
      reconnect === undefined
        ? undefined
        : flag(reconnect, 'enabled') === true
          ? (whole(reconnect, 'timeout') ?? 1)
          : 0,
    log:
      log === undefined
        ? undefined
        : { file: requiredAttribute(log, 'file'), append: flag(log, 'append') },
  }
}
