import type { Element } from '@xmldom/xmldom'
import { attribute, child, whole } from '../../access.ts'
import { invalid } from '../../location.ts'
import { create, insertBefore, setDefault } from '../edit.ts'
import { pciAddressOf } from './address-element.ts'
import { bridges } from './order.ts'

/** QEMU's devices for libvirt's models (qemuDomainPCIControllerSetDefaultModelName, 9.0). */
export const PCI_DEVICE_NAMES: Readonly<Record<string, string>> = {
  'pcie-root-port': 'pcie-root-port',
  'pcie-to-pci-bridge': 'pcie-pci-bridge',
  'dmi-to-pci-bridge': 'i82801b11-bridge',
  'pci-bridge': 'pci-bridge',
  'pcie-switch-upstream-port': 'x3130-upstream',
  'pcie-switch-downstream-port': 'xio3130-downstream',
  'pci-expander-bus': 'pxb',
  'pcie-expander-bus': 'pxb-pcie',
}

/** Fills in the device's name and the numbers that the guest sees in it. */
export function fillPciControllers(devices: Element): void {
  for (const controller of bridges(devices)) {
    const model = attribute(controller, 'model') ?? ''
    const name = PCI_DEVICE_NAMES[model]
    if (name === undefined) continue
    if (child(controller, 'model') === undefined) {
      insertBefore(controller, create(controller, 'model', { name }), () => true)
    }
    fillTarget(controller, model, devices)
  }
}

function fillTarget(controller: Element, model: string, devices: Element): void {
  const index = whole(controller, 'index') ?? 0
  const address = pciAddressOf(controller)
  if (address === undefined) return
  switch (model) {
    case 'pcie-root-port':
      setDefault(target(controller), 'chassis', index)
      setDefault(target(controller), 'port', hex((address.slot << 3) + address.function))
      return
    case 'pcie-switch-downstream-port':
      setDefault(target(controller), 'chassis', index)
      setDefault(target(controller), 'port', hex(address.slot))
      return
    case 'pci-bridge':
      if (index <= address.bus) {
        throw invalid(
          controller,
          `its index ${index} must be greater than ${address.bus}, the bus that it is on`,
        )
      }
      setDefault(target(controller), 'chassisNr', index)
      return
    case 'pci-expander-bus':
    case 'pcie-expander-bus':
      if (!target(controller).hasAttribute('busNr')) {
        target(controller).setAttribute('busNr', String(freeBusNumber(controller, devices)))
      }
      return
    default:
  }
}

function target(controller: Element): Element {
  const present = child(controller, 'target')
  if (present !== undefined) return present
  const made = create(controller, 'target')
  return insertBefore(controller, made, (one) => one.nodeName !== 'model')
}

/** Two below the lowest one in use: each expander needs a number for itself and one for its bridge. */
function freeBusNumber(controller: Element, devices: Element): number {
  const used = bridges(devices).map((one) => whole(child(one, 'target'), 'busNr') ?? 256)
  const lowest = Math.min(256, ...used)
  if (lowest <= 2) throw invalid(controller, 'no bus number is free for it')
  return lowest - 2
}

function hex(number: number): string {
  return `0x${number.toString(16)}`
}
