import type { Element } from '@xmldom/xmldom'
import { attribute, attributeNode, child, children } from '../access.ts'
import { invalid } from '../location.ts'
import { usualMachine } from '../chipset.ts'
import { architectureOf } from './chipset.ts'
import { create, insertBefore, setDefault } from './edit.ts'
import { fillFirmware } from './firmware.ts'
import type { NormaliseOptions } from './options.ts'

/** Fills in `<os>`: architecture, versioned machine type, firmware files, boot devices. */
export function fillOs(root: Element, options: NormaliseOptions): void {
  const os = child(root, 'os')
  const type = child(os, 'type')
  if (os === undefined || type === undefined) return
  const machine = attribute(type, 'machine') ?? usualMachine(architectureOf(root))
  if (!type.hasAttribute('arch')) type.removeAttribute('machine')
  setDefault(type, 'arch', 'x86_64')
  setDefault(type, 'machine', machine)
  fillMachine(type, options)
  fillFirmware(root, os, options)
  fillBoot(root, os)
}

function fillMachine(type: Element, options: NormaliseOptions): void {
  if (options.machines === undefined) return
  const name = attribute(type, 'machine') ?? ''
  const versioned = options.machines(name)
  if (versioned === undefined) {
    throw invalid(attributeNode(type, 'machine'), `this QEMU has no machine type "${name}"`)
  }
  if (versioned !== name) type.setAttribute('machine', versioned)
}

/** The first hard disk is the boot device where the XML has none. */
function fillBoot(root: Element, os: Element): void {
  if (child(os, 'boot') !== undefined) return
  const devices = child(root, 'devices')
  const ordered = (devices === undefined ? [] : children(devices)).some(
    (device) => child(device, 'boot') !== undefined,
  )
  if (ordered) return
  const before = [
    'type',
    'firmware',
    'loader',
    'nvram',
    'kernel',
    'initrd',
    'cmdline',
    'dtb',
    'shim',
  ]
  insertBefore(os, create(os, 'boot', { dev: 'hd' }), (one) => !before.includes(one.nodeName))
}
