import type { Element } from '@xmldom/xmldom'
import { child, sizeInBytes, text } from '../access.ts'
import { readMemory } from '../model/board/memory.ts'
import { parseUuid } from '../values.ts'
import { create, insertTopLevel, setDefault } from './edit.ts'
import type { NormaliseOptions } from './options.ts'
import { fillProcessor } from './processor.ts'

/** Fills in everything but `<os>` and `<devices>`. */
export function fillTopLevel(
  root: Element,
  options: NormaliseOptions,
  random: (length: number) => Uint8Array,
): void {
  fillUuid(root, random)
  const memory = fillMemory(root, options)
  if (child(root, 'currentMemory') === undefined) {
    add(root, 'currentMemory', { unit: 'KiB' }, String(Math.ceil(sizeInBytes(memory) / 1024)))
  }
  const vcpu = child(root, 'vcpu') ?? add(root, 'vcpu', {}, '1')
  if (!vcpu.hasAttribute('cpuset')) setDefault(vcpu, 'placement', 'static')
  fillGenid(child(root, 'genid'), random)
  fillProcessor(root)
  if (child(root, 'clock') === undefined) add(root, 'clock', { offset: 'utc' })
  if (child(root, 'on_poweroff') === undefined) add(root, 'on_poweroff', {}, 'destroy')
  if (child(root, 'on_reboot') === undefined) add(root, 'on_reboot', {}, 'restart')
  if (child(root, 'on_crash') === undefined) add(root, 'on_crash', {}, 'destroy')
}

/** A UUID may be written without hyphens and in capitals; libvirt's own form of it is the same for every reader. */
function fillUuid(root: Element, random: (length: number) => Uint8Array): void {
  const present = child(root, 'uuid')
  const uuid = present === undefined ? undefined : parseUuid(text(present))
  if (present === undefined) add(root, 'uuid', {}, newUuid(random))
  else if (uuid !== undefined && uuid !== text(present)) present.textContent = uuid
}

/**
 * With NUMA cells `<memory>` is theirs and that of the modules, whatever it was before, as libvirt sets it (virDomainDefPostParseMemory, 9.0 and 11.3): it
 * loads no image where it is less than the modules. An image is left as it is.
 */
function fillMemory(root: Element, { fromImage }: NormaliseOptions): Element {
  const present = child(root, 'memory')
  const cells = child(child(root, 'cpu'), 'numa')
  const bytes = readMemory(root)
  if (present === undefined) return add(root, 'memory', { unit: 'KiB' }, String(bytes / 1024))
  if (cells === undefined || fromImage === true || sizeInBytes(present) === bytes) return present
  present.setAttribute('unit', 'KiB')
  present.textContent = String(bytes / 1024)
  return present
}

/** An empty `<genid>` requests a new one, which is written down so that it stays. */
function fillGenid(element: Element | undefined, random: (length: number) => Uint8Array): void {
  if (element === undefined || text(element).trim() !== '') return
  element.textContent = newUuid(random)
}

/** A random UUID (RFC 9562, version 4). */
export function newUuid(random: (length: number) => Uint8Array): string {
  const bytes = Uint8Array.from(random(16))
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  return parseUuid(Buffer.from(bytes).toString('hex')) ?? ''
}

function add(
  root: Element,
  name: string,
  attributes: Readonly<Record<string, string>> = {},
  content: string | readonly Element[] = [],
): Element {
  return insertTopLevel(root, create(root, name, attributes, content))
}
