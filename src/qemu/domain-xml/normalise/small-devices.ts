import type { Element } from '@xmldom/xmldom'
import { child, children } from '../access.ts'
import { create, insertDevice, setDefault } from './edit.ts'
import type { NormaliseOptions } from './options.ts'

/** Fills in the emulator, the memory balloon that every guest has, and the models of small devices. */
export function fillSmallDevices(devices: Element, options: NormaliseOptions): void {
  if (child(devices, 'emulator') === undefined && options.emulator !== undefined) {
    insertDevice(devices, create(devices, 'emulator', {}, options.emulator))
  }
  if (child(devices, 'memballoon') === undefined) {
    insertDevice(devices, create(devices, 'memballoon', { model: 'virtio' }))
  }
  for (const rng of children(devices, 'rng')) setDefault(rng, 'model', 'virtio')
  for (const watchdog of children(devices, 'watchdog')) setDefault(watchdog, 'action', 'reset')
  for (const panic of children(devices, 'panic')) setDefault(panic, 'model', 'isa')
}
