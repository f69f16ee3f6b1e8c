import type { Element } from '@xmldom/xmldom'
import { attribute, attributeNode, child, children, childText, text } from '../access.ts'
import { invalid, unsupported } from '../location.ts'
import { create, insertBefore, setDefault } from './edit.ts'
import type { NormaliseOptions } from './options.ts'

/** Fills in `<os>`: architecture, versioned machine type, firmware files, boot devices. */
export function fillOs(root: Element, options: NormaliseOptions): void {
  const os = child(root, 'os')
  const type = child(os, 'type')
  if (os === undefined || type === undefined) return
  const machine = attribute(type, 'machine') ?? 'pc'
  if (!type.hasAttribute('arch')) type.removeAttribute('machine')
  setDefault(type, 'arch', 'x86_64')
  setDefault(type, 'machine', machine)
  fillMachine(type, options)
  fillFirmware(root, os, options)
  fillBoot(root, os)
}

function fillMachine(type: Element, options: NormaliseOptions): void {
  if (options.machines === undefined) return
  const name = attribute(type, 'machine') ?? 'pc'
  const versioned = options.machines(name)
  if (versioned === undefined) {
    throw invalid(attributeNode(type, 'machine'), `this QEMU has no machine type "${name}"`)
  }
  if (versioned !== name) type.setAttribute('machine', versioned)
}

function fillFirmware(root: Element, os: Element, options: NormaliseOptions): void {
  let loader = child(os, 'loader')
  if (attribute(os, 'firmware') === 'efi' && (loader === undefined || text(loader).trim() === '')) {
    if (options.uefi === undefined) {
      throw unsupported(attributeNode(os, 'firmware'), 'no UEFI firmware was found', UEFI_HINT)
    }
    const stateless = attribute(loader, 'stateless') === 'yes'
    if (loader !== undefined) os.removeChild(loader)
    loader = create(
      os,
      'loader',
      { readonly: 'yes', type: 'pflash', stateless: stateless ? 'yes' : undefined },
      options.uefi.loader,
    )
    insertBefore(os, loader, (one) => !['type', 'firmware'].includes(one.nodeName))
    if (!stateless) addNvram(root, os, loader, options, options.uefi.nvramTemplate)
  } else if (loader !== undefined && attribute(loader, 'type') === 'pflash') {
    const nvram = child(os, 'nvram')
    const template = attribute(nvram, 'template')
    const named =
      nvram !== undefined && (text(nvram).trim() !== '' || child(nvram, 'source') !== undefined)
    if (!named && template !== undefined) addNvram(root, os, loader, options, template)
  }
}

const UEFI_HINT =
  'Give the files with <loader readonly="yes" type="pflash"> and <nvram template="…">'

/** Each domain has its own variable store; without a directory for it the XML must contain its path. */
function addNvram(
  root: Element,
  os: Element,
  loader: Element,
  options: NormaliseOptions,
  template: string,
): void {
  const present = child(os, 'nvram')
  if (present !== undefined && text(present).trim() !== '') {
    setDefault(present, 'template', template)
    return
  }
  if (options.nvramDirectory === undefined) {
    throw invalid(present ?? loader, 'the UEFI variable store has no path', 'Give it with <nvram>')
  }
  const name = childText(root, 'name') ?? ''
  const path = `${options.nvramDirectory}/${name}_VARS.fd`
  if (present !== undefined) os.removeChild(present)
  os.insertBefore(create(os, 'nvram', { template }, path), loader.nextSibling)
}

/** The first hard disk is the boot device where the XML has none. */
function fillBoot(root: Element, os: Element): void {
  if (child(os, 'boot') !== undefined) return
  const devices = child(root, 'devices')
  const ordered = (devices === undefined ? [] : children(devices)).some(
    (device) => child(device, 'boot') !== undefined,
  )
  if (ordered) return
  const before = ['type', 'firmware', 'loader', 'nvram', 'kernel', 'initrd', 'cmdline']
  insertBefore(os, create(os, 'boot', { dev: 'hd' }), (one) => !before.includes(one.nodeName))
}
