import type { Element } from '@xmldom/xmldom'
import { attribute, child, children } from '../../access.ts'
import type { Chipset } from '../../chipset.ts'
import { invalid } from '../../location.ts'
import type { PciAddress } from '../../model/buses/address.ts'
import { pciAddressOf, writePciAddress } from './address-element.ts'
import type { Connection } from './connect.ts'
import type { PciMap } from './map.ts'

type Place = Pick<PciAddress, 'bus' | 'slot' | 'function'>

const Q35_SATA: Place = { bus: 0, slot: 0x1f, function: 2 }
const PIIX3_IDE: Place = { bus: 0, slot: 1, function: 1 }
const PIIX3_USB: Place = { bus: 0, slot: 1, function: 2 }

/**
 * Places the devices that the chipset prescribes. The q35's SATA controller and the PIIX3's IDE and USB controllers are part of the machine; USB 2
 * companions, the DMI bridge and the first graphics card have customary places. `virt` prescribes none. After qemuDomainValidateDevicePCISlotsQ35 and …PIIX3 (libvirt 9.0).
 */
export function placeChipsetDevices(devices: Element, map: PciMap, chipset: Chipset): void {
  switch (chipset) {
    case 'q35':
      placeQ35(devices, map)
      placePrimaryVideo(devices, map, 1)
      placeSound(devices, map)
      return
    case 'i440fx':
      placePiix3(devices, map)
      placePrimaryVideo(devices, map, 2)
      return
    case 'virt':
  }
}

/** Whether a controller's address is checked here rather than with all others. */
export function isPiix3Part(device: Element, chipset: Chipset): boolean {
  if (
    chipset !== 'i440fx' ||
    device.nodeName !== 'controller' ||
    attribute(device, 'index') !== '0'
  )
    return false
  const type = attribute(device, 'type')
  return type === 'ide' || (type === 'usb' && attribute(device, 'model') === 'piix3-uhci')
}

function placeQ35(devices: Element, map: PciMap): void {
  for (const one of children(devices, 'controller')) {
    const type = attribute(one, 'type')
    const model = attribute(one, 'model')
    if (type === 'sata' && attribute(one, 'index') === '0') fix(one, Q35_SATA, map)
    if (pciAddressOf(one) !== undefined) continue
    if (type === 'usb' && model === 'ich9-uhci1') prefer(one, [0x1d, 0x1a], map, 'pcie', true)
    if (type === 'pci' && model === 'dmi-to-pci-bridge')
      prefer(one, [0x1e], map, 'dmi-to-pci-bridge')
  }
  map.reserveForMachine({ bus: 0, slot: 0x1f, function: 0 })
  map.reserveForMachine({ bus: 0, slot: 0x1f, function: 3 })
}

function placePiix3(devices: Element, map: PciMap): void {
  for (const one of children(devices, 'controller')) {
    if (!isPiix3Part(one, 'i440fx')) continue
    fix(one, attribute(one, 'type') === 'ide' ? PIIX3_IDE : PIIX3_USB, map)
  }
  map.reserveForMachine({ bus: 0, slot: 1, function: 0 })
  map.reserveForMachine({ bus: 0, slot: 1, function: 3 })
}

/** Places a part of the machine, which has a fixed address. */
function fix(controller: Element, at: Place, map: PciMap): void {
  const given = pciAddressOf(controller)
  if (given === undefined) writePciAddress(controller, at)
  else if (given.bus !== at.bus || given.slot !== at.slot || given.function !== at.function) {
    const slot = at.slot.toString(16).padStart(2, '0')
    throw invalid(controller, `on this machine it must be at 0000:00:${slot}.${at.function}`)
  }
  map.reserveForMachine(at, controller)
}

function prefer(
  device: Element,
  slots: readonly number[],
  map: PciMap,
  connection: Connection,
  multifunction?: true,
): void {
  const slot = slots.find((one) => map.slotIsFree(0, one))
  if (slot === undefined) return
  const at = { bus: 0, slot, function: 0 }
  map.reserve(at, connection, device)
  writePciAddress(device, { ...at, multifunction })
}

/** The sound card's place on real hardware. */
function placeSound(devices: Element, map: PciMap): void {
  const sound = children(devices, 'sound').find(
    (one) => attribute(one, 'model') === 'ich9' && pciAddressOf(one) === undefined,
  )
  if (sound !== undefined) prefer(sound, [0x1b], map, 'pcie')
}

function placePrimaryVideo(devices: Element, map: PciMap, slot: number): void {
  const [video] = children(devices, 'video')
  const type = attribute(child(video, 'model'), 'type')
  if (video === undefined || type === 'none' || type === 'ramfb') return
  if (pciAddressOf(video) !== undefined || !map.slotIsFree(0, slot)) return
  const at = { bus: 0, slot, function: 0 }
  map.reserve(at, 'pcie', video)
  writePciAddress(video, at)
}
