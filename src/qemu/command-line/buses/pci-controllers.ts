import { DomainXmlError } from '../../../errors.ts'
import type { Controller } from '../../domain-xml/model/buses/controller.ts'
import { PCI_DEVICE_NAMES } from '../../domain-xml/normalise/pci/controller-targets.ts'
import type { Properties } from '../arguments.ts'

/** A PCI bridge or port. Its registers contain its chassis and port numbers, and QEMU compares them when it loads an image. */
export function pciControllerProperties(controller: Controller, id: string): Properties {
  const { model } = controller
  const driver = controller.modelName ?? PCI_DEVICE_NAMES[model ?? '']
  if (driver === undefined) {
    throw new DomainXmlError(
      'XML_INVALID',
      `${controller.place}: "${model ?? ''}" is not a PCI controller`,
    )
  }
  switch (model) {
    case 'pcie-root-port':
    case 'pcie-switch-downstream-port':
      return {
        driver,
        port: needed(controller, 'port', controller.port),
        chassis: needed(controller, 'chassis', controller.chassis),
        id,
        hotplug: controller.hotplug,
        'mem-reserve': controller.memReserveBytes,
      }
    case 'pci-bridge':
      return {
        driver,
        chassis_nr: needed(controller, 'chassisNr', controller.chassisNr),
        id,
        'mem-reserve': controller.memReserveBytes,
      }
    case 'pci-expander-bus':
    case 'pcie-expander-bus':
      return {
        driver,
        bus_nr: needed(controller, 'busNr', controller.busNr),
        id,
        numa_node: controller.numaNode,
      }
    default:
      return { driver, id }
  }
}

function needed(controller: Controller, name: string, value: number | undefined): number {
  if (value === undefined) {
    throw new DomainXmlError(
      'XML_INVALID',
      `${controller.place}/target: the attribute "${name}" is missing`,
      {
        hint: 'Define the domain first: that fills it in',
      },
    )
  }
  return value
}
