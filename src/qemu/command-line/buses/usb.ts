import { DomainXmlError } from '../../../errors.ts'
import type { Controller } from '../../domain-xml/model/buses/controller.ts'
import { device, type Properties } from '../arguments.ts'
import type { Wiring } from './wiring.ts'

const DRIVERS: Readonly<Record<string, string>> = {
  'qemu-xhci': 'qemu-xhci',
  'nec-xhci': 'nec-usb-xhci',
  'piix3-uhci': 'piix3-usb-uhci',
  'piix4-uhci': 'piix4-usb-uhci',
  ehci: 'usb-ehci',
  'ich9-ehci1': 'ich9-usb-ehci1',
  'ich9-uhci1': 'ich9-usb-uhci1',
  'ich9-uhci2': 'ich9-usb-uhci2',
  'ich9-uhci3': 'ich9-usb-uhci3',
  'pci-ohci': 'pci-ohci',
}

/** A USB controller; companions of an EHCI controller name it instead of having an id. */
export function usbControllerProperties(
  controller: Controller,
  id: string,
  wiring: Wiring,
): Properties {
  const driver = DRIVERS[controller.model ?? '']
  if (driver === undefined) {
    throw new DomainXmlError(
      'XML_INVALID',
      `${controller.place}: "${controller.model ?? ''}" is not a model of a USB controller`,
      { hint: 'Define the domain first: that fills it in' },
    )
  }
  const ports = { p2: controller.ports, p3: controller.ports }
  if (controller.startPort === undefined) return { driver, ...ports, id }
  const master = wiring.controller('usb', controller.index, controller)
  return {
    driver,
    ...ports,
    masterbus: `${wiring.controllerId(master)}.0`,
    firstport: controller.startPort,
  }
}

/** USB hubs. */
export function hubArguments(wiring: Wiring): readonly string[] {
  return wiring.domain.hubs.flatMap((hub, at) =>
    device({ driver: 'usb-hub', id: wiring.idOf(hub, `hub${at}`), ...wiring.address(hub) }),
  )
}
