import type { Element } from '@xmldom/xmldom'
import { children, requiredAttribute } from '../access.ts'
import { type Device, readDevice } from './device.ts'

/** A sound card. */
export interface Sound extends Device {
  readonly model: 'ich6' | 'ich9' | 'ac97' | 'es1370' | 'usb'
  readonly codecs: readonly ('duplex' | 'micro' | 'output')[]
}

/** Reads a `<sound>`. */
export function readSound(element: Element): Sound {
  return {
    ...readDevice(element),
    model: requiredAttribute(element, 'model') as Sound['model'],
    codecs: children(element, 'codec').map(
      (codec) => requiredAttribute(codec, 'type') as Sound['codecs'][number],
    ),
  }
}
