import type { Element } from '@xmldom/xmldom'
import { attribute, child, children } from '../access.ts'
import { busOf } from './disks.ts'

/** All elements that are USB devices, but for hubs, in the order in which libvirt gives them ports (qemuDomainAssignUSBAddresses, 11.3). */
export function usbDevices(devices: Element): readonly Element[] {
  return [
    ...children(devices, 'hostdev').filter((one) => attribute(one, 'type') === 'usb'),
    ...children(devices, 'disk').filter((disk) => busOf(disk) === 'usb'),
    ...children(devices, 'sound').filter((sound) => attribute(sound, 'model') === 'usb'),
    ...children(devices, 'controller').filter((one) => attribute(one, 'type') === 'ccid'),
    ...children(devices, 'serial').filter(
      (serial) => attribute(child(serial, 'target'), 'type') === 'usb-serial',
    ),
    ...children(devices, 'input').filter((input) => attribute(input, 'bus') === 'usb'),
    ...children(devices, 'redirdev'),
  ]
}
