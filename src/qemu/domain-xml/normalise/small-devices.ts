import type { Element } from '@xmldom/xmldom'
import { attribute, child, children, childText, wholeText } from '../access.ts'
import type { Chipset } from '../chipset.ts'
import { cidOfUuid } from '../model/devices/vsock.ts'
import { parseUuid } from '../values.ts'
import { chipsetIn } from './chipset.ts'
import { create, insertBefore, insertDevice, insertTopLevel, setDefault } from './edit.ts'
import type { NormaliseOptions } from './options.ts'

/** Fills in the emulator, the memory balloon that every PC has, and the models of small devices. */
export function fillSmallDevices(root: Element, devices: Element, options: NormaliseOptions): void {
  if (child(devices, 'emulator') === undefined && options.emulator !== undefined) {
    insertDevice(devices, create(devices, 'emulator', {}, options.emulator))
  }
  const chipset = chipsetIn(root)
  if (chipset !== 'virt' && child(devices, 'memballoon') === undefined) {
    insertDevice(devices, create(devices, 'memballoon', { model: 'virtio' }))
  }
  for (const rng of children(devices, 'rng')) setDefault(rng, 'model', 'virtio')
  for (const watchdog of children(devices, 'watchdog')) setDefault(watchdog, 'action', 'reset')
  const completes = options.existing !== true || options.fromImage === true
  if (completes && chipset === 'q35') addChipsetWatchdog(devices)
  fillIommu(root, devices, options)
  for (const vsock of children(devices, 'vsock')) fillVsock(root, vsock)
  for (const tpm of children(devices, 'tpm')) fillTpm(tpm, chipset)
  for (const panic of children(devices, 'panic'))
    setDefault(panic, 'model', chipset === 'virt' ? 'pvpanic' : 'isa')
}

/** The q35 chipset contains a watchdog; libvirt enables it for new machines since 9.1, with the action of the other watchdogs. */
function addChipsetWatchdog(devices: Element): void {
  const others = children(devices, 'watchdog')
  if (others.some(isOfChipset)) return
  insertDevice(devices, create(devices, 'watchdog', { model: 'itco', action: usualAction(others) }))
}

/**
 * Omits the watchdog of the q35 chipset if it has the action that libvirt gives it. Images do without it: libvirt before 9.1 refuses the model, and later
 * ones add it again.
 */
export function withoutChipsetWatchdog(root: Element): void {
  const devices = child(root, 'devices')
  const all = devices === undefined ? [] : children(devices, 'watchdog')
  const own = all.find(isOfChipset)
  if (own === undefined || all.filter(isOfChipset).length > 1) return
  const action = usualAction(all.filter((watchdog) => watchdog !== own))
  if ((attribute(own, 'action') ?? action) === action) devices?.removeChild(own)
}

function isOfChipset(watchdog: Element): boolean {
  return attribute(watchdog, 'model') === 'itco'
}

function usualAction(others: readonly Element[]): string {
  return attribute(others[0], 'action') ?? 'reset'
}

/** The processors that interrupts reach without extended interrupt mode (QEMU_MAX_VCPUS_WITHOUT_EIM, libvirt 11.3). */
const MAX_WITHOUT_EIM = 255

/** A new q35 machine with more processors gets an IOMMU that brings interrupts to them all, which needs a split interrupt controller. */
function fillIommu(root: Element, devices: Element, options: NormaliseOptions): void {
  const vcpu = child(root, 'vcpu')
  const many = vcpu !== undefined && chipsetIn(root) === 'q35' && wholeText(vcpu) > MAX_WITHOUT_EIM
  if (many && options.existing !== true) {
    const iommu =
      child(devices, 'iommu') ?? insertDevice(devices, create(devices, 'iommu', { model: 'intel' }))
    if (attribute(iommu, 'model') === 'intel') {
      const there = child(iommu, 'driver')
      const driver = there ?? insertBefore(iommu, create(iommu, 'driver'), () => true)
      setDefault(driver, 'intremap', 'on')
      setDefault(driver, 'eim', 'on')
    }
  }
  const driver = child(child(devices, 'iommu'), 'driver')
  if (attribute(driver, 'intremap') !== 'on') return
  const features = child(root, 'features') ?? insertTopLevel(root, create(root, 'features'))
  if (child(features, 'ioapic') === undefined)
    features.appendChild(create(features, 'ioapic', { driver: 'qemu' }))
}

/** Where the XML leaves the address to libvirt, that takes the first free one of the host at each start; here it follows from the domain's UUID. */
function fillVsock(root: Element, vsock: Element): void {
  setDefault(vsock, 'model', 'virtio')
  const cid = child(vsock, 'cid')
  const uuid = parseUuid(childText(root, 'uuid') ?? '')
  if (cid === undefined || attribute(cid, 'auto') !== 'yes' || uuid === undefined) return
  setDefault(cid, 'address', cidOfUuid(uuid))
}

/** libvirt's defaults; where only version 2.0 exists it is that (qemuDomainTPMDefPostParse, 11.3). */
function fillTpm(tpm: Element, chipset: Chipset): void {
  setDefault(tpm, 'model', 'tpm-tis')
  const backend = child(tpm, 'backend')
  if (backend === undefined || attribute(backend, 'type') !== 'emulator') return
  const newer = chipset === 'virt' || attribute(tpm, 'model') === 'tpm-crb'
  setDefault(backend, 'version', newer ? '2.0' : '1.2')
}
