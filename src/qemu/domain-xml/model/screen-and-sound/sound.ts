import type { Element } from '@xmldom/xmldom'
import { child, children, flag, requiredAttribute, whole } from '../../access.ts'
import { type Device, readDevice, readVirtioOptions, type VirtioOptions } from '../buses/device.ts'

/** A sound card. */
export interface Sound extends Device {
  readonly model: 'ich6' | 'ich9' | 'ac97' | 'es1370' | 'usb' | 'virtio' | 'sb16' | 'pcspk'
  readonly codecs: readonly ('duplex' | 'micro' | 'output')[]
  /** The `<audio>` where its sound goes; `undefined`: the first one. */
  readonly audioId: number | undefined
  /** Whether a USB card has more than two channels. */
  readonly multichannel: boolean | undefined
  /** The streams of a virtio card. */
  readonly streams: number | undefined
  readonly virtio: VirtioOptions
}

/** Reads a `<sound>`. */
export function readSound(element: Element): Sound {
  return {
    ...readDevice(element),
    model: requiredAttribute(element, 'model') as Sound['model'],
    audioId: whole(child(element, 'audio'), 'id'),
    multichannel: flag(element, 'multichannel'),
    streams: whole(element, 'streams'),
    virtio: readVirtioOptions(element, undefined),
    codecs: children(element, 'codec').map(
      (codec) => requiredAttribute(codec, 'type') as Sound['codecs'][number],
    ),
  }
}
