import type { Element } from '@xmldom/xmldom'
import { attribute, child, children, whole } from '../access.ts'
import { invalid } from '../location.ts'
import { readAddress } from '../model/buses/address.ts'
import { claim } from './disks.ts'
import { ensure } from './controllers.ts'
import { create } from './edit.ts'

/** Ports of a virtio-serial controller that does not state a number. Port 0 is for consoles. */
const USUAL_PORTS = 31

/** Gives each channel the lowest free port of the first controller that has one. */
export function assignVirtioPorts(devices: Element): void {
  const taken = new Map<string, Element>()
  const channels = children(devices, 'channel').filter(
    (one) => attribute(child(one, 'target'), 'type') === 'virtio',
  )
  for (const channel of channels) {
    const address = readAddress(channel)
    if (address?.type === 'virtio-serial' && address.port > 0) {
      claim(taken, `${address.controller}:${address.port}`, channel, 'the virtio-serial port')
    }
  }
  for (const channel of channels) {
    const address = readAddress(channel)
    if (address?.type === 'virtio-serial' && address.port > 0) continue
    const controller = address?.type === 'virtio-serial' ? address.controller : undefined
    const place = freePort(devices, taken, controller)
    if (place === undefined) throw invalid(channel, 'no virtio-serial port is free')
    claim(taken, `${place.controller}:${place.port}`, channel, 'the virtio-serial port')
    const present = child(channel, 'address')
    if (present !== undefined) channel.removeChild(present)
    channel.appendChild(
      create(channel, 'address', {
        type: 'virtio-serial',
        controller: place.controller,
        bus: 0,
        port: place.port,
      }),
    )
  }
}

function freePort(
  devices: Element,
  taken: ReadonlyMap<string, Element>,
  wanted: number | undefined,
): { controller: number; port: number } | undefined {
  const controllers = children(devices, 'controller')
    .filter((one) => attribute(one, 'type') === 'virtio-serial')
    .filter((one) => wanted === undefined || whole(one, 'index') === wanted)
  for (const one of controllers) {
    const controller = whole(one, 'index') ?? 0
    const ports = whole(one, 'ports') ?? USUAL_PORTS
    for (let port = 1; port < ports; port++) {
      if (!taken.has(`${controller}:${port}`)) return { controller, port }
    }
  }
  if (wanted !== undefined) return undefined
  const controller = Math.max(-1, ...controllers.map((one) => whole(one, 'index') ?? 0)) + 1
  ensure(devices, 'virtio-serial', controller)
  return { controller, port: 1 }
}
