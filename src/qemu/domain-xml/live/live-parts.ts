import type { Element } from '@xmldom/xmldom'
import { attribute, child, children } from '../access.ts'

/**
 * Removes the parts that exist only while a domain runs, and that `dumpxml` shows: its id, the names of its devices, terminals, sockets below `runtimeDir`, tap devices, whether channels are
 * open, and the ports that were chosen for displays. A name that the user chose (`ua-…`) stays.
 */
export function dropLiveParts(root: Element, runtimeDir?: string): void {
  root.removeAttribute('id')
  dropChosenPorts(root)
  const devices = child(root, 'devices')
  for (const device of devices === undefined ? [] : children(devices)) {
    const alias = child(device, 'alias')
    if (attribute(alias, 'name')?.startsWith('ua-') !== true) removeFrom(device, alias)
    const source = child(device, 'source')
    const type = attribute(device, 'type')
    const isTerminal = type === 'pty' && CHARACTERS.includes(device.nodeName)
    const path = attribute(source, 'path')
    if (isTerminal) {
      device.removeAttribute('tty')
      removeFrom(device, source)
    } else if (type === 'unix' && runtimeDir !== undefined && path?.startsWith(`${runtimeDir}/`))
      source?.removeAttribute('path')
    if (device.nodeName === 'interface') dropTap(device)
    if (device.nodeName === 'channel') child(device, 'target')?.removeAttribute('state')
  }
}

/** A name that Stasis or libvirt gave, and not the user. */
function dropTap(card: Element): void {
  const target = child(card, 'target')
  if (!/^(?:stasis|vnet)\d+$/.test(attribute(target, 'dev') ?? '')) return
  target?.removeAttribute('dev')
  if (target?.attributes.length === 0) removeFrom(card, target)
}

function removeFrom(device: Element, part: Element | undefined): void {
  if (part !== undefined) device.removeChild(part)
}

const CHARACTERS = ['serial', 'parallel', 'console', 'channel']

/** Removes the ports that were chosen for displays with `autoport`. */
export function dropChosenPorts(root: Element): void {
  const devices = child(root, 'devices')
  for (const display of devices === undefined ? [] : children(devices, 'graphics')) {
    if (attribute(display, 'autoport') !== 'yes') continue
    if (display.hasAttribute('port')) display.setAttribute('port', '-1')
    display.removeAttribute('tlsPort')
  }
}
