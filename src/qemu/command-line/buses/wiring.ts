import { DomainXmlError } from '../../../errors.ts'
import { type Chipset, chipsetOf, isOf, supportedMachines } from '../../domain-xml/chipset.ts'
import type { Address } from '../../domain-xml/model/buses/address.ts'
import type { Controller, ControllerType } from '../../domain-xml/model/buses/controller.ts'
import type { Device } from '../../domain-xml/model/buses/device.ts'
import type { Domain } from '../../domain-xml/model/domain.ts'
import type { Properties } from '../arguments.ts'

/** A domain together with the names of controllers and their buses, which its devices refer to. */
export interface Wiring {
  readonly domain: Domain
  readonly chipset: Chipset
  readonly idOf: (device: Device, usual: string) => string
  readonly controller: (type: ControllerType, index: number, device: Device) => Controller
  readonly controllerId: (controller: Controller) => string
  /** `bus`, `addr` and similar properties of a device. */
  readonly address: (device: Device) => Properties
}

/** Prepares a domain for its command line. */
export function wire(domain: Domain): Wiring {
  const { arch, machine } = domain.os
  const chipset = chipsetOf(machine)
  if (chipset === undefined || !isOf(chipset, arch)) {
    throw new DomainXmlError(
      'XML_UNSUPPORTED',
      `/domain/os/type/@machine: the machine type "${machine}" is not supported for ${arch}`,
      { hint: supportedMachines(arch) },
    )
  }
  const wiring: Wiring = {
    domain,
    chipset,
    idOf: (device, usual) => device.alias ?? usual,
    controller: (type, index, device) => findController(domain, type, index, device),
    controllerId: (controller) => controllerId(controller, chipset),
    address: (device) => addressProperties(wiring, device),
  }
  return wiring
}

function findController(
  domain: Domain,
  type: ControllerType,
  index: number,
  device: Device,
): Controller {
  const found = domain.controllers.find(
    (one) => one.type === type && one.index === index && one.startPort === undefined,
  )
  if (found !== undefined) return found
  throw new DomainXmlError(
    'XML_INVALID',
    `${device.place}: the domain has no ${type} controller with index ${index}`,
  )
}

/** Names in libvirt's style: `pcie.0`, `pci.1`, `usb`, `usb1`, `scsi0`, `virtio-serial0`. */
function controllerId(controller: Controller, chipset: Chipset): string {
  const { type, index, model } = controller
  if (model === 'pcie-root') return 'pcie.0'
  if (model === 'pci-root') return 'pci.0'
  if (type === 'sata' && index === 0 && chipset === 'q35') return 'ide'
  if (type === 'ide' && index === 0 && chipset === 'i440fx') return 'ide'
  if (controller.alias !== undefined) return controller.alias
  if (type === 'pci') return `pci.${index}`
  if (type === 'usb') return index === 0 ? 'usb' : `usb${index}`
  return `${type}${index}`
}

function addressProperties(wiring: Wiring, device: Device): Properties {
  const { address } = device
  if (address === undefined) throw unaddressed(device)
  switch (address.type) {
    case 'pci': {
      const bus = wiring.controllerId(wiring.controller('pci', address.bus, device))
      const slot = `0x${address.slot.toString(16)}`
      return {
        bus,
        multifunction: address.multifunction,
        addr: address.function === 0 ? slot : `${slot}.0x${address.function.toString(16)}`,
        'acpi-index': device.acpiIndex,
      }
    }
    case 'virtio-serial': {
      const controller = wiring.controller('virtio-serial', address.controller, device)
      return { bus: `${wiring.controllerId(controller)}.${address.bus}`, nr: address.port }
    }
    case 'usb': {
      const controller = wiring.controller('usb', address.bus, device)
      return { bus: `${wiring.controllerId(controller)}.0`, port: address.port }
    }
    case 'isa':
      return { iobase: address.iobase, irq: address.irq }
    case 'ccid':
    case 'drive':
    case 'virtio-mmio':
      return {}
  }
}

/** A device's address, which must have that type: `drive`, `pci` … */
export function addressOf<Type extends Address['type']>(
  device: Device,
  type: Type,
): Extract<Address, { type: Type }> {
  const { address } = device
  if (address?.type !== type) {
    if (address === undefined) throw unaddressed(device)
    throw new DomainXmlError(
      'XML_INVALID',
      `${device.place}: the address is of type "${address.type}", but must be of type "${type}"`,
    )
  }
  return address as Extract<Address, { type: Type }>
}

function unaddressed(device: Device): DomainXmlError {
  return new DomainXmlError('XML_INVALID', `${device.place}: the device has no address`, {
    hint: 'Define the domain first: that gives every device an address',
  })
}
