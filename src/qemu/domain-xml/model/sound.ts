import type { Element } from '@xmldom/xmldom'
import { child, children, requiredAttribute, whole } from '../access.ts'
import { type Device, readDevice } from './device.ts'

/** A sound card. */
export interface Sound extends Device {
  readonly model: 'ich6' | 'ich9' | 'ac97' | 'es1370' | 'usb'
  readonly codecs: readonly ('duplex' | 'micro' | 'output')[]
  /** The `<audio>` where its sound goes; `undefined`: the first one. */
  readonly audioId: number | undefined
}

/** Reads a `<sound>`. */
export function readSound(element: Element): Sound {
  return {
    ...readDevice(element),
    model: requiredAttribute(element, 'model') as Sound['model'],
    audioId: whole(child(element, 'audio'), 'id'),
    codecs: children(element, 'codec').map(
      (codec) => requiredAttribute(codec, 'type') as Sound['codecs'][number],
    ),
  }
}
