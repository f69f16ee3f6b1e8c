import { hasOnlyScsiIds } from '../../domain-xml/scsi-controller.ts'
import type { Device } from '../../domain-xml/model/buses/device.ts'
import type { Disk } from '../../domain-xml/model/storage/disk.ts'
import type { Properties } from '../arguments.ts'
import { addressOf, type Wiring } from '../buses/wiring.ts'

/** The address of a disk, or of a SCSI device of the host, on its IDE, SATA, SCSI or floppy controller, in QEMU's properties. */
export function driveProperties(disk: Device & Pick<Disk, 'bus'>, wiring: Wiring): Properties {
  const address = addressOf(disk, 'drive')
  const { bus, target, unit } = address
  if (disk.bus === 'fdc') return { unit }
  const type = disk.bus === 'ide' || disk.bus === 'sata' ? disk.bus : 'scsi'
  const controller = wiring.controller(type, address.controller, disk)
  const id = wiring.controllerId(controller)
  if (type === 'ide') return { bus: `${id}.${bus}`, unit }
  if (type === 'sata') return { bus: `${id}.${unit}` }
  if (hasOnlyScsiIds(controller.model)) return { bus: `${id}.${bus}`, 'scsi-id': unit }
  return { bus: `${id}.0`, channel: bus, 'scsi-id': target, lun: unit }
}

/** libvirt's name for such a disk: `sata0-0-1`, `scsi0-0-0-2`. The guest sees it as the device id of a SCSI disk without a serial number. */
export function driveId(disk: Disk, wiring: Wiring): string {
  const { controller, bus, target, unit } = addressOf(disk, 'drive')
  if (disk.bus === 'scsi') {
    const { model } = wiring.controller('scsi', controller, disk)
    if (!hasOnlyScsiIds(model)) return `scsi${controller}-${bus}-${target}-${unit}`
  }
  return `${disk.bus}${controller}-${bus}-${unit}`
}
