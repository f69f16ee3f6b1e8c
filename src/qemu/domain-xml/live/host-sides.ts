import type { Element } from '@xmldom/xmldom'
import { attribute, child, children } from '../access.ts'
import { create, insertBefore, setDefault } from '../normalise/edit.ts'
import { aliasOf } from './aliases.ts'

/** QEMU's report about a character device. */
export interface CharacterSide {
  /** `char` and the alias of its device. */
  readonly label: string
  /** Such as `pty:/dev/pts/3` or `disconnected:unix:/run/agent.sock,server=on`. */
  readonly filename: string
  readonly 'frontend-open': boolean
}

/** Adds QEMU's choices for serial ports, consoles and channels: terminals, sockets, and whether the guest has opened a channel. Their devices have names. */
export function showCharacterSides(root: Element, sides: readonly CharacterSide[]): void {
  const byLabel = new Map(sides.map((side) => [side.label, side]))
  const devices = child(root, 'devices')
  for (const device of devices === undefined ? [] : children(devices)) {
    const side = byLabel.get(`char${aliasOf(device) ?? ''}`)
    if (side === undefined) continue
    const path = pathIn(side.filename)
    if (path !== undefined && ['pty', 'unix'].includes(attribute(device, 'type') ?? '')) {
      setDefault(sourceOf(device), 'path', path)
      if (device.nodeName === 'console' && isFirst(device) && attribute(device, 'type') === 'pty')
        device.setAttribute('tty', path)
    }
    const target = child(device, 'target')
    if (device.nodeName === 'channel' && attribute(target, 'type') === 'virtio')
      target?.setAttribute('state', side['frontend-open'] ? 'connected' : 'disconnected')
  }
}

/** Network cards of these types have no tap device. */
export const WITHOUT_TAP: readonly string[] = ['user', 'vhostuser', 'vdpa', 'hostdev']

/** Adds the tap devices of the network cards, in their order. */
export function showTapDevices(root: Element, taps: readonly string[]): void {
  const devices = child(root, 'devices')
  const cards = devices === undefined ? [] : children(devices, 'interface')
  const onTaps = cards.filter((card) => !WITHOUT_TAP.includes(attribute(card, 'type') ?? ''))
  onTaps.forEach((card, at) => {
    const dev = taps[at]
    if (dev === undefined) return
    const target =
      child(card, 'target') ??
      insertBefore(card, create(card, 'target'), (one) => !BEFORE_TARGET.includes(one.nodeName))
    setDefault(target, 'dev', dev)
  })
}

/** The elements that libvirt writes before the target of a network card. */
const BEFORE_TARGET = ['mac', 'source', 'virtualport', 'vlan']

/** libvirt also writes the address of a display into the display itself. */
export function showListenAddresses(root: Element): void {
  const devices = child(root, 'devices')
  for (const display of devices === undefined ? [] : children(devices, 'graphics')) {
    const listen = child(display, 'listen')
    const address = attribute(listen, 'type') === 'address' && attribute(listen, 'address')
    if (typeof address === 'string') setDefault(display, 'listen', address)
  }
}

function isFirst(device: Element): boolean {
  return child(device.parentNode as Element, device.nodeName) === device
}

function sourceOf(device: Element): Element {
  return child(device, 'source') ?? insertBefore(device, create(device, 'source'), () => true)
}

function pathIn(filename: string): string | undefined {
  return /^(?:disconnected:)?(?:pty|unix):(.*?)(?:,server=on)?$/s.exec(filename)?.[1]
}
