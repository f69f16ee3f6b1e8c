import type { Element } from '@xmldom/xmldom'
import { attribute, child, flag, requiredAttribute, requiredChild, whole } from '../../access.ts'
import { invalid } from '../../location.ts'
import { type Device, readDevice, readVirtioOptions, type VirtioOptions } from '../buses/device.ts'

/** A graphics card. */
export interface Video extends Device {
  readonly type: 'vga' | 'cirrus' | 'vmvga' | 'virtio' | 'bochs' | 'ramfb' | 'qxl' | 'none'
  readonly primary: boolean
  readonly vramBytes: number | undefined
  readonly ramBytes: number | undefined
  readonly vram64Bytes: number | undefined
  readonly vgamemBytes: number | undefined
  readonly heads: number | undefined
  /** Whether it uses the host's graphics processor. */
  readonly accelerated: boolean
  readonly blob: boolean | undefined
  readonly edid: boolean | undefined
  readonly resolution: { readonly x: number; readonly y: number } | undefined
  readonly virtio: VirtioOptions
}

/**
 * A mouse, keyboard or tablet. `passthrough`: one of the host becomes the guest's. `evdev`: one of the host moves the guest's own, and the guest sees
 * no device of its own for it.
 */
export interface Input extends Device {
  readonly type: 'mouse' | 'keyboard' | 'tablet' | 'passthrough' | 'evdev'
  readonly bus: 'ps2' | 'usb' | 'virtio' | 'none'
  readonly source: InputSource | undefined
  readonly virtio: VirtioOptions
}

/** An input device of the host. */
export interface InputSource {
  readonly path: string
  readonly grabAll: boolean
  readonly grabToggle: string | undefined
  readonly repeat: boolean | undefined
}

/**
 * Reads the `<video>` elements. The primary one comes first, as in libvirt: the one that the XML marks, otherwise the first.
 *
 * @throws DomainXmlError `XML_INVALID` for two primary ones, and for `none` beside another
 */
export function readVideos(elements: readonly Element[]): readonly Video[] {
  const marked = elements.filter((one) => flag(child(one, 'model'), 'primary') === true)
  const [primary = elements[0], second] = marked
  if (second !== undefined) throw invalid(second, 'only one graphics card can be primary')
  const none = elements.find((one) => attribute(child(one, 'model'), 'type') === 'none')
  if (none !== undefined && elements.length > 1)
    throw invalid(none, 'type "none" cannot be beside another graphics card')
  const ordered = elements.toSorted((a, b) => Number(b === primary) - Number(a === primary))
  return ordered.map((one) => readVideo(one, one === primary))
}

function readVideo(element: Element, primary: boolean): Video {
  const model = child(element, 'model')
  const resolution = child(model, 'resolution')
  const x = whole(resolution, 'x')
  const y = whole(resolution, 'y')
  return {
    ...readDevice(element),
    type: (attribute(model, 'type') ?? 'cirrus') as Video['type'],
    primary,
    vramBytes: kibibytes(model, 'vram'),
    ramBytes: kibibytes(model, 'ram'),
    vram64Bytes: kibibytes(model, 'vram64'),
    vgamemBytes: kibibytes(model, 'vgamem'),
    heads: whole(model, 'heads'),
    accelerated: flag(child(model, 'acceleration'), 'accel3d') === true,
    blob: flag(model, 'blob'),
    edid: flag(model, 'edid'),
    resolution: x === undefined || y === undefined ? undefined : { x, y },
    virtio: readVirtioOptions(element, undefined),
  }
}

/** Reads an `<input>`. */
export function readInput(element: Element): Input {
  const type = requiredAttribute(element, 'type') as Input['type']
  const bus = (attribute(element, 'bus') ?? USUAL_BUS[type]) as Input['bus']
  const virtio = readVirtioOptions(element, attribute(element, 'model'))
  if (virtio.model !== undefined && type !== 'passthrough')
    throw invalid(element, `QEMU has no virtio ${type} that is ${virtio.model}`)
  const ofHost = type === 'passthrough' || type === 'evdev'
  if ((ofHost || bus === 'none') && bus !== USUAL_BUS[type])
    throw invalid(element, `"${type}" cannot be on the bus "${bus}"`)
  return {
    ...readDevice(element),
    type,
    bus,
    source: ofHost ? readInputSource(requiredChild(element, 'source'), type) : undefined,
    virtio,
  }
}

/** The bus of an input whose XML has none. */
const USUAL_BUS: Readonly<Record<Input['type'], Input['bus']>> = {
  mouse: 'ps2',
  keyboard: 'ps2',
  tablet: 'usb',
  passthrough: 'virtio',
  evdev: 'none',
}

function readInputSource(source: Element, type: 'passthrough' | 'evdev'): InputSource {
  return {
    path: requiredAttribute(source, type === 'evdev' ? 'dev' : 'evdev'),
    grabAll: attribute(source, 'grab') === 'all',
    grabToggle: attribute(source, 'grabToggle'),
    repeat: flag(source, 'repeat'),
  }
}

function kibibytes(element: Element | undefined, name: string): number | undefined {
  const value = whole(element, name)
  return value === undefined ? undefined : value * 1024
}
