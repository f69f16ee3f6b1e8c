import type { Element } from '@xmldom/xmldom'
import { attribute, attributeNode, child, children, requiredChild, whole } from '../../access.ts'
import { invalid } from '../../location.ts'
import type { Chipset } from '../../chipset.ts'
import { chipsetIn, hasExpress } from '../chipset.ts'
import { ensure } from '../controllers.ts'
import { pciAddressOf, markMultifunction, writePciAddress } from './address-element.ts'
import { isPiix3Part, placeChipsetDevices } from './chipset-devices.ts'
import { connectionOf } from './connect.ts'
import { fillPciControllers } from './controller-targets.ts'
import { createPciMap, type PciMap } from './map.ts'
import { bridges, unplacedDevices } from './order.ts'
import { companionPlace } from './usb-companions.ts'

/** Devices that belong to the root complex. */
const INTEGRATED: ReadonlySet<string> = new Set(['panic', 'iommu'])

/** The highest index of a PCI controller, limited by the bus numbers. */
const MAX_INDEX = 255

/**
 * Gives every PCI device an address and adds the controllers that this needs, in two passes like libvirt (qemuDomainAssignPCIAddresses, 9.0). The
 * first pass, on a copy, finds the missing controllers; the second places controllers and devices.
 */
export function assignPciAddresses(root: Element, devices: Element): void {
  const chipset = chipsetIn(root)
  const given = controllerModels(devices)
  const models = growModels(root, chipset, given)
  models.forEach((model, index) => {
    if (index > 0) ensure(devices, 'pci', index, model)
  })
  const map = createPciMap(models, false)
  reserveGiven(devices, map, chipset)
  placeAll(devices, map, chipset)
  markSlots(devices)
  fillPciControllers(devices)
}

/** The first pass: the models of all controllers that the domain will have. */
function growModels(
  root: Element,
  chipset: Chipset,
  given: readonly (string | undefined)[],
): readonly string[] {
  const express = hasExpress(chipset)
  const usual = express ? 'pcie-root-port' : 'pci-bridge'
  const copy = requiredChild(root.cloneNode(true) as Element, 'devices')
  const map = createPciMap(
    given.map((model) => model ?? usual),
    true,
  )
  reserveGiven(copy, map, chipset)
  placeChipsetDevices(copy, map, chipset)
  if (!express && map.hasRoom()) map.take('pci', copy)
  placeUnplaced(copy, map, chipset)
  const grown = map.models().length > given.length
  if (express && given.length <= 1 && grown) map.take('pcie', copy)
  for (const [index, model] of map.models().entries()) {
    if (index >= given.length) placeBridge(copy, map, chipset, { model, index })
  }
  return map.models()
}

function placeBridge(
  copy: Element,
  map: PciMap,
  chipset: Chipset,
  { model, index }: { readonly model: string; readonly index: number },
): void {
  const controller = ensure(copy, 'pci', index, model)
  const connection = connectionOf(controller, chipset)
  if (connection !== undefined) map.take(connection, controller)
}

function controllerModels(devices: Element): (string | undefined)[] {
  const models: (string | undefined)[] = []
  for (const controller of children(devices, 'controller')) {
    if (attribute(controller, 'type') !== 'pci') continue
    const index = whole(controller, 'index') ?? 0
    if (index > MAX_INDEX) {
      throw invalid(
        attributeNode(controller, 'index'),
        `it must be at most ${MAX_INDEX}, got ${index}`,
      )
    }
    const model = attribute(controller, 'model')
    if (model === undefined) throw invalid(controller, 'the attribute "model" is missing')
    models[index] = model
  }
  return Array.from(models)
}

function reserveGiven(devices: Element, map: PciMap, chipset: Chipset): void {
  for (const device of children(devices)) {
    const address = pciAddressOf(device)
    if (address === undefined || isPiix3Part(device, chipset) || isSerialTwin(device)) continue
    map.reserve(address, connectionOf(device, chipset) ?? 'pci', device)
  }
}

/** The first serial port under another name: it may repeat the same address. */
function isSerialTwin(device: Element): boolean {
  if (device.nodeName !== 'console') return false
  return attribute(child(device, 'target'), 'type') !== 'virtio'
}

function placeAll(devices: Element, map: PciMap, chipset: Chipset): void {
  placeChipsetDevices(devices, map, chipset)
  placeUnplaced(devices, map, chipset)
}

function placeUnplaced(devices: Element, map: PciMap, chipset: Chipset): void {
  for (const device of [...bridges(devices), ...unplacedDevices(devices)]) {
    const connection = connectionOf(device, chipset)
    if (connection === undefined || pciAddressOf(device) !== undefined) continue
    const given = child(device, 'address')
    const type = attribute(given, 'type') ?? 'pci'
    if (given !== undefined && type !== 'pci')
      throw invalid(
        given,
        `the device is on a PCI bus: an address of type "${type}" is not possible`,
      )
    const companion = companionPlace(device, devices)
    if (companion === undefined) {
      writePciAddress(
        device,
        map.take(connection, device, { integrated: INTEGRATED.has(device.nodeName) }),
      )
      continue
    }
    const { function: number, multifunction, slot } = companion
    const at =
      slot === undefined
        ? map.take(connection, device, { function: number })
        : { ...slot, function: number }
    if (slot !== undefined) map.reserve(at, connection, device)
    writePciAddress(device, { ...at, multifunction })
  }
}

/** Function 0 of a slot with more functions must be marked. */
function markSlots(devices: Element): void {
  const placed = children(devices).map((device) => ({ device, address: pciAddressOf(device) }))
  for (const { address } of placed) {
    if (address === undefined || address.function === 0) continue
    const first = placed.find(
      (one) =>
        one.address?.bus === address.bus &&
        one.address.slot === address.slot &&
        one.address.function === 0,
    )
    if (first !== undefined) markMultifunction(first.device)
  }
}
