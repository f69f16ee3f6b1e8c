import type { Element } from '@xmldom/xmldom'
import { attribute, child, children, whole } from '../access.ts'
import { type Chipset, chipsetOf } from '../chipset.ts'
import { diskNumber } from '../disk-name.ts'
import { isHostCard } from '../model/devices/host-device.ts'
import { hasOnlyScsiIds } from '../scsi-controller.ts'
import { create, insertBefore } from '../normalise/edit.ts'

/** Elements that libvirt writes after `<alias>` (virDomainDeviceInfoFormat, libvirt 11.3). */
const BEHIND = ['rom', 'address']

/**
 * Names every device of a running domain as its QEMU does, in `<alias name='…'/>`. The names are libvirt's (qemu_alias.c, 11.3): `virtio-disk0`, `net0`, `pci.1`, `serial0`. A
 * device keeps a name that its user chose.
 */
export function nameDevices(root: Element): void {
  const devices = child(root, 'devices')
  if (devices === undefined) return
  const chipset = chipsetOf(attribute(child(child(root, 'os'), 'type'), 'machine') ?? '')
  const counts = new Map<string, number>()
  for (const device of children(devices)) {
    const kind = kindOf(device)
    const index = counts.get(kind) ?? 0
    counts.set(kind, index + 1)
    const name = nameOf(device, { index, chipset, kind })
    if (name === undefined || child(device, 'alias') !== undefined) continue
    insertBefore(device, create(device, 'alias', { name }), (one) => BEHIND.includes(one.nodeName))
  }
}

/** The alias of a device that `nameDevices` has named. */
export function aliasOf(device: Element): string | undefined {
  return attribute(child(device, 'alias'), 'name')
}

/** Devices of one kind are counted together. */
function kindOf(device: Element): string {
  if (device.nodeName === 'memory') return (attribute(device, 'model') ?? '').replace('-', '')
  if (device.nodeName === 'interface' && isHostCard(device)) return 'hostcard'
  const isForward = attribute(child(device, 'target'), 'type') === 'guestfwd'
  return isForward ? 'guestfwd' : device.nodeName
}

interface Place {
  readonly kind: string
  readonly index: number
  readonly chipset: Chipset | undefined
}

/** The usual name; `undefined` for an element that is not a device of QEMU. */
function nameOf(device: Element, { kind, index, chipset }: Place): string | undefined {
  switch (device.nodeName) {
    case 'disk':
      return diskName(device)
    case 'controller':
      return controllerName(device, chipset)
    case 'console':
      return isSerialConsole(device) ? `serial${index}` : `console${index}`
    case 'memory':
      return `${kind}${whole(child(device, 'address'), 'slot') ?? index}`
    default: {
      const stem = STEMS[kind]
      return stem === undefined ? undefined : `${stem}${index}`
    }
  }
}

const STEMS: Readonly<Record<string, string>> = {
  interface: 'net',
  filesystem: 'fs',
  redirdev: 'redir',
  memballoon: 'balloon',
  ...Object.fromEntries(
    ['smartcard', 'serial', 'parallel', 'channel', 'guestfwd', 'input', 'tpm', 'sound', 'video']
      .concat('hostdev', 'hub', 'watchdog', 'rng', 'panic', 'shmem', 'iommu', 'vsock', 'crypto')
      .concat('pstore', 'hostcard')
      .map((name) => [name, name]),
  ),
}

function isSerialConsole(console: Element): boolean {
  return (attribute(child(console, 'target'), 'type') ?? 'serial') === 'serial'
}

function diskName(disk: Element): string | undefined {
  const target = child(disk, 'target')
  const bus = attribute(target, 'bus') ?? ''
  const number = diskNumber(attribute(target, 'dev') ?? '')
  if (bus === 'virtio' || bus === 'usb') return `${bus}-disk${number ?? 0}`
  const address = child(disk, 'address')
  const at = (name: string): number => whole(address, name) ?? 0
  if (bus !== 'scsi' || hasOnlyScsiIds(scsiModel(disk, at('controller'))))
    return `${bus}${at('controller')}-${at('bus')}-${at('unit')}`
  return `scsi${at('controller')}-${at('bus')}-${at('target')}-${at('unit')}`
}

function scsiModel(disk: Element, index: number): string | undefined {
  const controllers = children(disk.parentNode as Element, 'controller')
  const found = controllers.find(
    (one) => attribute(one, 'type') === 'scsi' && (whole(one, 'index') ?? 0) === index,
  )
  return attribute(found, 'model')
}

function controllerName(controller: Element, chipset: Chipset | undefined): string {
  const type = attribute(controller, 'type') ?? ''
  const model = attribute(controller, 'model')
  const index = whole(controller, 'index') ?? 0
  if (model === 'pcie-root') return 'pcie.0'
  if (model === 'pci-root') return 'pci.0'
  const builtIn = chipset === 'q35' ? 'sata' : 'ide'
  if (type === builtIn && index === 0) return 'ide'
  if (type === 'pci') return `pci.${index}`
  if (type === 'usb') return index === 0 ? 'usb' : `usb${index}`
  return `${type}${index}`
}
