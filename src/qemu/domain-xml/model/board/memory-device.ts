import type { Element } from '@xmldom/xmldom'
import {
  attribute,
  child,
  childText,
  flag,
  requiredChild,
  sizeInBytes,
  text,
  whole,
} from '../../access.ts'
import { invalid } from '../../location.ts'
import { parseNumberSet, parseUuid, parseWhole } from '../../values.ts'
import { type Device, readDevice } from '../buses/device.ts'

/** A memory module, or a device that gives the guest memory: `<memory model='…'>` in `<devices>`. */
export interface MemoryDevice extends Device {
  readonly model: 'dimm' | 'nvdimm' | 'virtio-mem' | 'virtio-pmem'
  readonly sizeBytes: number
  /** The guest's NUMA cell that it belongs to. */
  readonly cell: number | undefined
  /** The place of a module, from 0. */
  readonly slot: number | undefined
  /** The guest-physical address, where the XML has one. */
  readonly baseAddress: bigint | undefined
  readonly access: 'shared' | 'private' | undefined
  readonly discard: boolean | undefined
  /** The file that holds the contents, of the persistent ones. */
  readonly path: string | undefined
  readonly alignBytes: number | undefined
  /** The file is itself persistent memory. */
  readonly pmem: boolean
  readonly labelBytes: number | undefined
  readonly readonly: boolean
  readonly uuid: string | undefined
  readonly pageBytes: number | undefined
  readonly hostNodes: readonly number[] | undefined
  readonly blockBytes: number | undefined
  readonly requestedBytes: number | undefined
  readonly dynamicSlots: boolean | undefined
}

/** Modules have a multiple of this size (qemuDomainGetMemoryModuleSizeAlignment, libvirt 9.0 and 11.3). */
const ALIGNMENT = 2 * 1024 * 1024

/** Reads a `<memory>` of `<devices>`. */
export function readMemoryDevice(element: Element): MemoryDevice {
  const source = child(element, 'source')
  const target = requiredChild(element, 'target')
  const model = attribute(element, 'model') as MemoryDevice['model']
  const path = childText(source, 'path')?.trim()
  if ((model === 'nvdimm' || model === 'virtio-pmem') && (path === undefined || path === ''))
    throw invalid(element, 'the element <path> is missing in <source>')
  const node = childText(target, 'node')
  const uuid = childText(element, 'uuid')
  const place = child(element, 'address')
  const dimm = attribute(place, 'type') === 'dimm' ? place : undefined
  const base = attribute(dimm, 'base') ?? attribute(child(target, 'address'), 'base')
  return {
    ...readDevice(element),
    model,
    sizeBytes: Math.ceil(sizeInBytes(requiredChild(target, 'size')) / ALIGNMENT) * ALIGNMENT,
    cell: node === undefined ? undefined : parseWhole(node.trim()),
    slot: whole(dimm, 'slot'),
    baseAddress: base === undefined ? undefined : readAddressNumber(element, base),
    access: attribute(element, 'access') as MemoryDevice['access'],
    discard: flag(element, 'discard'),
    path,
    alignBytes: size(source, 'alignsize'),
    pmem: child(source, 'pmem') !== undefined,
    labelBytes: size(child(target, 'label'), 'size'),
    readonly: child(target, 'readonly') !== undefined,
    uuid: uuid === undefined ? undefined : parseUuid(uuid),
    pageBytes: size(source, 'pagesize'),
    hostNodes: readNodes(child(source, 'nodemask')),
    blockBytes: size(target, 'block'),
    requestedBytes: size(target, 'requested'),
    dynamicSlots: flag(target, 'dynamicMemslots'),
  }
}

function size(parent: Element | undefined, name: string): number | undefined {
  const element = child(parent, name)
  return element === undefined ? undefined : sizeInBytes(element)
}

function readNodes(element: Element | undefined): readonly number[] | undefined {
  return element === undefined ? undefined : parseNumberSet(text(element).trim())
}

/** Too wide for a `number`. */
function readAddressNumber(element: Element, value: string): bigint {
  if (!/^(0x[0-9a-f]{1,16}|\d{1,19})$/i.test(value))
    throw invalid(element, `"${value}" is not a valid address`)
  return BigInt(value)
}
