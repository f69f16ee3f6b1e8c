import type { Element } from '@xmldom/xmldom'
import { attribute, attributeNode, child, children, whole } from '../access.ts'
import { invalid, place } from '../location.ts'
import { readAddress } from '../model/buses/address.ts'
import type { Chipset } from '../chipset.ts'
import { chipsetIn, hasExpress } from './chipset.ts'
import { busOf } from './disks.ts'
import { scsiHostDevices } from './scsi-host-devices.ts'
import { create, insertBefore, insertDevice, setDefault } from './edit.ts'
import { usbDevices } from './usb-devices.ts'

/** The parts of an ICH9 USB 2 controller, with the first port of each companion of the EHCI part (libvirt 11.3 src/conf/domain_conf.c). */
const FIRST_PORTS: Readonly<Record<string, number | undefined>> = {
  'ich9-ehci1': undefined,
  'ich9-uhci1': 0,
  'ich9-uhci2': 2,
  'ich9-uhci3': 4,
}

const COMPANIONS = Object.keys(FIRST_PORTS)

/** Fills in controllers: those of the machine itself, and those that disks and channels need. */
export function fillControllers(root: Element, devices: Element): void {
  numberControllers(children(devices, 'controller'))
  const chipset = chipsetIn(root)
  const usb = chipset === 'i440fx' ? 'piix3-uhci' : 'qemu-xhci'
  if (chipset !== 'virt' || usbDevices(devices).length > 0) ensure(devices, 'usb', 0, usb)
  if (chipset === 'q35') ensure(devices, 'sata', 0)
  const wanted = hasExpress(chipset) ? 'pcie-root' : 'pci-root'
  const pciRoot = ensure(devices, 'pci', 0, wanted)
  if (attribute(pciRoot, 'model') !== wanted) {
    throw invalid(
      attributeNode(pciRoot, 'model'),
      `the controller with index 0 must have the model ${wanted}`,
    )
  }
  addForDisks(devices)
  addForHostDevices(devices)
  addForPorts(devices)
  addForSmartCards(devices)
  for (const controller of children(devices, 'controller')) fillModel(controller, chipset)
  rejectTwins(devices)
}

/** Gives a controller without an index the lowest free one of its type, and USB companions that of their master. */
function numberControllers(controllers: readonly Element[]): void {
  const type = (one: Element): string => attribute(one, 'type') ?? ''
  const taken = new Set<string>()
  for (const one of controllers) {
    const index = whole(one, 'index')
    if (index !== undefined) taken.add(`${type(one)} ${index}`)
  }
  let companion: { readonly index: string; readonly models: Set<string> } | undefined
  for (const one of controllers) {
    const model = attribute(one, 'model') ?? ''
    const together = type(one) === 'usb' && COMPANIONS.includes(model)
    if (!one.hasAttribute('index')) {
      const index =
        together && companion !== undefined && !companion.models.has(model)
          ? companion.index
          : String(lowestFree(taken, type(one)))
      one.setAttribute('index', index)
      taken.add(`${type(one)} ${index}`)
    }
    if (type(one) !== 'usb') continue
    const index = attribute(one, 'index') ?? '0'
    if (!together) companion = undefined
    else if (companion?.index === index) companion.models.add(model)
    else companion = { index, models: new Set([model]) }
  }
}

function lowestFree(taken: ReadonlySet<string>, type: string): number {
  let index = 0
  while (taken.has(`${type} ${index}`)) index++
  return index
}

/** The controller of that type and index, created in its place if there is none. */
export function ensure(devices: Element, type: string, index: number, model?: string): Element {
  const same = children(devices, 'controller').filter((one) => attribute(one, 'type') === type)
  const found = same.find((one) => whole(one, 'index') === index)
  if (found !== undefined) return found
  const made = create(devices, 'controller', { type, index, model })
  const next = same.find((one) => (whole(one, 'index') ?? 0) > index)
  const previous = same.at(-1)
  if (next === undefined && previous !== undefined) {
    devices.insertBefore(made, previous.nextSibling)
    return made
  }
  return next === undefined
    ? insertDevice(devices, made)
    : insertBefore(devices, made, (one) => one === next)
}

function addForDisks(devices: Element): void {
  for (const bus of ['scsi', 'fdc', 'ide', 'sata'] as const) {
    const disks = children(devices, 'disk').filter((disk) => busOf(disk) === bus)
    for (let index = 0; index <= lastController(disks); index++) ensure(devices, bus, index)
  }
}

/** Another SCSI controller for units of the host has the model of the first one. */
function addForHostDevices(devices: Element): void {
  const first = children(devices, 'controller').find((one) => attribute(one, 'type') === 'scsi')
  const model = attribute(first, 'model')
  for (let index = 0; index <= lastController(scsiHostDevices(devices)); index++)
    ensure(devices, 'scsi', index, model)
}

function lastController(drives: readonly Element[]): number {
  const addresses = drives.map(readAddress)
  return Math.max(-1, ...addresses.map((one) => (one?.type === 'drive' ? one.controller : 0)))
}

function addForPorts(devices: Element): void {
  const channels = children(devices, 'channel').filter(
    (one) => attribute(child(one, 'target'), 'type') === 'virtio',
  )
  const consoles = children(devices, 'console').filter(
    (one) => attribute(child(one, 'target'), 'type') === 'virtio',
  )
  for (const port of [...channels, ...consoles]) {
    const address = readAddress(port)
    ensure(devices, 'virtio-serial', address?.type === 'virtio-serial' ? address.controller : 0)
  }
}

/** A card without an address is the next one in the first reader. */
function addForSmartCards(devices: Element): void {
  const cards = children(devices, 'smartcard')
  const slots = cards.map(readAddress).map((one) => (one?.type === 'ccid' ? one : undefined))
  let next = Math.max(
    -1,
    ...slots.filter((one) => one?.controller === 0).map((one) => one?.slot ?? 0),
  )
  cards.forEach((card, at) => {
    const address = slots[at]
    ensure(devices, 'ccid', address?.controller ?? 0)
    if (address !== undefined) return
    const slot = (next += 1)
    card.appendChild(create(card, 'address', { type: 'ccid', controller: 0, slot }))
  })
}

/** libvirt's defaults with any QEMU that has these devices. */
function fillModel(controller: Element, chipset: Chipset): void {
  const type = attribute(controller, 'type')
  const model = attribute(controller, 'model')
  if (type === 'usb') {
    setDefault(controller, 'model', chipset === 'virt' ? 'qemu-xhci' : 'piix3-uhci')
    const startport = FIRST_PORTS[model ?? '']
    if (startport !== undefined && child(controller, 'master') === undefined)
      insertBefore(controller, create(controller, 'master', { startport }), () => true)
  }
  if (type === 'scsi') {
    if (model === 'auto') controller.setAttribute('model', 'lsilogic')
    else setDefault(controller, 'model', 'lsilogic')
  }
}

function rejectTwins(devices: Element): void {
  const seen = new Map<string, Element>()
  for (const controller of children(devices, 'controller')) {
    const model = attribute(controller, 'model') ?? ''
    const companion = COMPANIONS.includes(model) ? ` ${model}` : ''
    const key = `${attribute(controller, 'type')} ${attribute(controller, 'index')}${companion}`
    const other = seen.get(key)
    if (other !== undefined)
      throw invalid(controller, `it has the same type and index as ${place(other)}`)
    seen.set(key, controller)
  }
}
