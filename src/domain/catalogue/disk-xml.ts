import { statSync } from 'node:fs'
import type { Element } from '@xmldom/xmldom'
import { attribute, child, children } from '../../qemu/domain-xml/access.ts'
import { formatDomainXml } from '../../qemu/domain-xml/format.ts'
import { create, insertBefore } from '../../qemu/domain-xml/normalise/edit.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import type { DiskOverlay } from '../store/checkpoints/disk-overlay.ts'

/** A file of a disk. */
interface DiskFile {
  readonly path: string
  readonly format: string
}

/** Another file for a disk of a domain XML. */
export interface DiskSwitch extends DiskFile {
  readonly target: string
  /** Only a disk with this file is changed. */
  readonly from: string
  /** The new file is an overlay on the old one. Otherwise it takes the place of the old one, whose backing files it has. */
  readonly overlay: boolean
}

/** The XML of a domain with other files for its disks; everything else stays as it is. @throws DomainXmlError */
export function withDiskFiles(xml: string, switches: readonly DiskSwitch[]): string {
  if (switches.length === 0) return xml
  const document = parseDomainXml(xml)
  const devices = child(document.root, 'devices')
  for (const disk of devices === undefined ? [] : children(devices, 'disk')) {
    const target = attribute(child(disk, 'target'), 'dev')
    const found = switches.find((one) => one.target === target && one.from === pathOf(disk))
    if (found !== undefined) switchFile(disk, found)
  }
  return formatDomainXml(document)
}

/** The XML of a domain with overlays on top of its disks. @throws DomainXmlError */
export function withOverlays(xml: string, overlays: readonly DiskOverlay[]): string {
  return withDiskFiles(
    xml,
    overlays.map(({ target, path, backing }) => ({
      ...{ target, path, from: backing },
      ...{ format: 'qcow2', overlay: true },
    })),
  )
}

/**
 * The XML of a domain without an overlay that was merged into its backing file, at whatever place of a chain it names the overlay.
 * @throws DomainXmlError
 */
export function withoutOverlay(xml: string, overlay: string, backing: DiskFile): string {
  const document = parseDomainXml(xml)
  const devices = child(document.root, 'devices')
  let changed = false
  for (const disk of devices === undefined ? [] : children(devices, 'disk'))
    for (const layer of [disk, ...stores(disk)]) {
      if (pathOf(layer) !== overlay) continue
      changed = true
      const below = child(layer, 'backingStore')
      setFile(layer, backing)
      const beneath = below === undefined ? undefined : child(below, 'backingStore')
      if (below === undefined) continue
      layer.removeChild(below)
      if (beneath !== undefined) addStore(layer, beneath)
    }
  return changed ? formatDomainXml(document) : xml
}

function stores(layer: Element): readonly Element[] {
  const store = child(layer, 'backingStore')
  return store === undefined ? [] : [store, ...stores(store)]
}

function switchFile(disk: Element, { path, format, overlay }: DiskSwitch): void {
  const below = child(disk, 'backingStore')
  const old = { path: pathOf(disk) ?? '', format: formatOf(disk) }
  setFile(disk, { path, format })
  // Without the element, the header of each file names its backing file.
  if (!overlay || below === undefined) return
  disk.removeChild(below)
  const { type, name } = sourceOf(old.path)
  const store = create(disk, 'backingStore', { type }, [
    create(disk, 'format', { type: old.format }),
    create(disk, 'source', { [name]: old.path }),
    below,
  ])
  addStore(disk, store)
}

/** libvirt's order: driver, source, backingStore, target. */
function addStore(layer: Element, store: Element): void {
  insertBefore(
    layer,
    store,
    (one) => !['driver', 'auth', 'source', 'format'].includes(one.nodeName),
  )
}

function setFile(layer: Element, { path, format }: DiskFile): void {
  const { type, name } = sourceOf(path)
  layer.setAttribute('type', type)
  const source = child(layer, 'source')
  for (const other of ['dev', 'file']) source?.removeAttribute(other)
  source?.setAttribute(name, path)
  const isStore = layer.nodeName === 'backingStore'
  const describes = child(layer, isStore ? 'format' : 'driver')
  if (describes !== undefined) describes.setAttribute('type', format)
  else
    layer.insertBefore(
      create(layer, isStore ? 'format' : 'driver', {
        ...(!isStore && { name: 'qemu' }),
        type: format,
      }),
      layer.firstChild,
    )
}

/** How libvirt names a file or block device. */
function sourceOf(path: string): { readonly type: string; readonly name: string } {
  return isBlockDevice(path) ? { type: 'block', name: 'dev' } : { type: 'file', name: 'file' }
}

function isBlockDevice(path: string): boolean {
  try {
    return statSync(path).isBlockDevice()
  } catch {
    // QEMU reports what is wrong with it.
    return false
  }
}

function pathOf(layer: Element): string | undefined {
  const source = child(layer, 'source')
  return attribute(source, 'file') ?? attribute(source, 'dev')
}

function formatOf(disk: Element): string {
  return attribute(child(disk, 'driver'), 'type') ?? 'raw'
}
