import type { Element } from '@xmldom/xmldom'
import { attribute, children, whole } from '../access.ts'
import { readAddress } from '../model/buses/address.ts'
import { busOf, claim } from './disks.ts'
import { create } from './edit.ts'

/** The units of a controller that libvirt uses (`scsiBusMaxUnit` of qemu_domain.c, 11.3). */
const UNITS = 7

/** SCSI units of the host that the guest has for itself. */
export function scsiHostDevices(devices: Element): readonly Element[] {
  return children(devices, 'hostdev').filter((one) => attribute(one, 'type') === 'scsi')
}

/** Gives each SCSI unit of the host an address: the first free one of the controllers in their order, and then of another controller. */
export function fillScsiHostDevices(devices: Element): void {
  const taken = new Map<string, Element>()
  const units = scsiHostDevices(devices)
  const disks = children(devices, 'disk').filter((disk) => busOf(disk) === 'scsi')
  for (const one of [...disks, ...units]) {
    const address = readAddress(one)
    if (address?.type === 'drive') claim(taken, key(address), one, 'the address')
  }
  const controllers = children(devices, 'controller').filter(
    (one) => attribute(one, 'type') === 'scsi',
  )
  const indexes = controllers.map((one) => whole(one, 'index') ?? 0)
  for (const one of units) {
    if (readAddress(one) !== undefined) continue
    const place = firstFree(indexes, taken)
    claim(taken, key(place), one, 'the address')
    one.appendChild(create(one, 'address', { type: 'drive', ...place }))
  }
}

interface Place {
  readonly controller: number
  readonly bus: number
  readonly target: number
  readonly unit: number
}

function firstFree(indexes: readonly number[], taken: ReadonlyMap<string, Element>): Place {
  for (let at = 0; ; at += 1) {
    const controller = indexes[at] ?? at
    for (let unit = 0; unit < UNITS; unit += 1) {
      const place = { controller, bus: 0, target: 0, unit }
      if (!taken.has(key(place))) return place
    }
  }
}

function key({ controller, bus, target, unit }: Place): string {
  return `scsi ${controller}:${bus}:${target}:${unit}`
}
