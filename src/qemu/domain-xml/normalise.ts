import type { Document, Element } from '@xmldom/xmldom'
import { randomBytes } from 'node:crypto'
import { child } from './access.ts'
import type { DomainDocument } from './document.ts'
import { invalid, recordSource } from './location.ts'
import { fillCharacterDevices } from './normalise/characters.ts'
import { chipsetIn } from './normalise/chipset.ts'
import { fillControllers } from './normalise/controllers.ts'
import { fillDisks } from './normalise/disks.ts'
import { fillDisplays } from './normalise/displays.ts'
import { insertTopLevel, create } from './normalise/edit.ts'
import { alignCells, fillCells } from './normalise/numa-cells.ts'
import { fillMemoryDevices } from './normalise/memory-devices.ts'
import { fillGic } from './normalise/gic.ts'
import { fillInterfaces } from './normalise/interfaces.ts'
import { useKibibytes } from './normalise/memory-units.ts'
import type { NormaliseOptions } from './normalise/options.ts'
import { fillOs } from './normalise/os.ts'
import { assignPciAddresses } from './normalise/pci/assign.ts'
import { fillScsiHostDevices } from './normalise/scsi-host-devices.ts'
import { fillSmallDevices } from './normalise/small-devices.ts'
import { useMmio } from './normalise/virtio-mmio.ts'
import { fillTopLevel } from './normalise/top-level.ts'
import { assignUsbPorts } from './normalise/usb-ports.ts'
import { assignVirtioPorts } from './normalise/virtio-ports.ts'

/**
 * Fills in the same parts as libvirt when a domain is defined: UUID, versioned machine type, controllers, addresses, MAC addresses and defaults. The
 * result specifies everything that the guest sees, so that it stays the same machine on any host and with any program that starts it. Existing values
 * never change; normalising twice changes nothing.
 *
 * Addresses are assigned in libvirt's order (qemu_domain_address.c, 9.0), so that both programs assign the same ones. Choices follow libvirt with
 * today's QEMU: q35 gets a `qemu-xhci` USB controller and one spare root port, pc a `piix3-uhci` one, virt one only for devices that need it.
 *
 * @returns a new document; the given one does not change
 * @throws DomainXmlError `XML_INVALID` when two devices claim one address, or something cannot be completed
 */
export function normaliseDomain(
  source: DomainDocument,
  options: NormaliseOptions = {},
): DomainDocument {
  const document = source.document.cloneNode(true) as Document
  recordSource(document, source.path)
  const root = document.documentElement
  if (root === null) throw invalid(source.root, 'the document is empty')
  const random = options.random ?? ((length: number) => randomBytes(length))
  alignCells(root, options)
  fillTopLevel(root, options, random)
  if (options.existing !== true) useKibibytes(root)
  fillCells(root, options)
  fillOs(root, options)
  fillGic(root, options)
  const devices = child(root, 'devices') ?? insertTopLevel(root, create(root, 'devices'))
  fillDevices(root, devices, options, random)
  return { document, root, path: source.path }
}

function fillDevices(
  root: Element,
  devices: Element,
  options: NormaliseOptions,
  random: (length: number) => Uint8Array,
): void {
  fillDisks(devices)
  fillScsiHostDevices(devices)
  const chipset = chipsetIn(root)
  fillInterfaces(devices, chipset, random)
  fillCharacterDevices(devices, chipset)
  fillDisplays(root, devices)
  fillSmallDevices(root, devices, options)
  fillMemoryDevices(root, devices, options)
  fillControllers(root, devices)
  assignVirtioPorts(devices)
  useMmio(devices)
  assignPciAddresses(root, devices)
  assignUsbPorts(devices)
}
