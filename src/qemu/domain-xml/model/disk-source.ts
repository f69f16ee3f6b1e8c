import type { Element } from '@xmldom/xmldom'
import { attribute, child, children } from '../access.ts'
import { invalid } from '../location.ts'

/** One file or block device of a disk's chain. */
export interface DiskLayer {
  readonly type: 'file' | 'block'
  readonly path: string
  readonly format: 'raw' | 'qcow2'
  /** Its backing layer, as for the disk itself. */
  readonly backing: DiskLayer | 'none' | undefined
}

/** The `<source>` of a disk or of one of its layers; `undefined` when there is no medium. */
export function readDiskSource(element: Element, format: string): DiskLayer | undefined {
  const source = child(element, 'source')
  const type = attribute(element, 'type') ?? 'file'
  const path = attribute(source, type === 'block' ? 'dev' : 'file')
  if (path === undefined || path === '') {
    if (
      source !== undefined &&
      attribute(source, type === 'block' ? 'file' : 'dev') !== undefined
    ) {
      throw invalid(
        source,
        `a disk of type "${type}" needs the attribute "${type === 'block' ? 'dev' : 'file'}"`,
      )
    }
    return undefined
  }
  return {
    type: type as DiskLayer['type'],
    path,
    format: format as DiskLayer['format'],
    backing: readBackingStore(element),
  }
}

/** The `<backingStore>` of a disk or layer. An empty one ends the chain; without one the file's own header decides. */
export function readBackingStore(element: Element): DiskLayer | 'none' | undefined {
  const store = child(element, 'backingStore')
  if (store === undefined) return undefined
  if (children(store).length === 0) return 'none'
  const format = attribute(child(store, 'format'), 'type')
  if (format === undefined) throw invalid(store, 'the element <format> is missing')
  const layer = readDiskSource(store, format)
  if (layer === undefined) throw invalid(store, 'the layer has no source')
  return layer
}
