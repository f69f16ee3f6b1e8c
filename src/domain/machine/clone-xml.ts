import type { Element } from '@xmldom/xmldom'
import { randomBytes, randomUUID } from 'node:crypto'
import { join, resolve } from 'node:path'
import { UsageError } from '../../errors.ts'
import { attribute, child, children, text } from '../../qemu/domain-xml/access.ts'
import { formatDomainXml } from '../../qemu/domain-xml/format.ts'
import { cidOfUuid } from '../../qemu/domain-xml/model/devices/vsock.ts'
import { create } from '../../qemu/domain-xml/normalise/edit.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import type { Overlay } from '../../qemu/programs/create-overlay.ts'

/** The settings of a clone. */
export interface CloneRequest {
  readonly name: string
  /** Directory for overlays of its disks; without it only read-only disks are allowed. */
  readonly diskOverlay?: string | undefined
}

/** The XML of a clone, and the files that it needs before it starts. */
export interface CloneXml {
  readonly xml: string
  readonly overlays: readonly Overlay[]
  /** A copy of the UEFI variables, if the machine has any. */
  readonly nvram: { readonly from: string; readonly to: string } | undefined
}

/**
 * Changes the XML of a saved domain so that both can run at the same time: name, UUID, generation id, MAC addresses, vsock addresses that were chosen, disks, and the files and sockets
 * of its ports. The guest of a clone sees another generation id; it keeps the saved MAC addresses until it reads them again.
 * @throws UsageError BAD_COMBINATION for a disk that two would write to, DomainXmlError
 */
export function cloneXml(saved: string, request: CloneRequest): CloneXml {
  const document = parseDomainXml(saved)
  const { root } = document
  const devices = child(root, 'devices')
  setText(child(root, 'name'), request.name)
  const uuid = randomUUID()
  setText(child(root, 'uuid'), uuid)
  setText(child(root, 'genid'), randomUUID())
  for (const nic of children(root, 'devices').flatMap((one) => children(one, 'interface')))
    child(nic, 'mac')?.setAttribute('address', randomMac())
  for (const vsock of devices === undefined ? [] : children(devices, 'vsock'))
    chooseCid(vsock, uuid)
  if (devices !== undefined) for (const port of ports(devices)) makePathsUnique(port, request.name)
  const overlays = disksOf(devices).flatMap((disk) => overlayDisk(disk, request))
  const nvram = moveNvram(child(child(root, 'os'), 'nvram'), request.name)
  return { xml: formatDomainXml(document), overlays, nvram }
}

function disksOf(devices: Element | undefined): readonly Element[] {
  return devices === undefined ? [] : children(devices, 'disk')
}

function ports(devices: Element): readonly Element[] {
  return ['serial', 'parallel', 'console', 'channel', 'redirdev', 'smartcard'].flatMap((kind) =>
    children(devices, kind),
  )
}

/** The host gives each address of a vsock to one guest only. One that was chosen for the saved domain is chosen again, from the UUID of the clone. */
function chooseCid(vsock: Element, uuid: string): void {
  const cid = child(vsock, 'cid')
  if (attribute(cid, 'auto') === 'yes') cid?.setAttribute('address', String(cidOfUuid(uuid)))
}

function makePathsUnique(port: Element, name: string): void {
  for (const place of [...children(port, 'source'), ...children(port, 'log')]) {
    for (const key of ['path', 'file']) {
      const path = attribute(place, key)
      const type = attribute(port, 'type')
      if (path === undefined || (place.nodeName === 'source' && type !== 'file' && type !== 'unix'))
        continue
      place.setAttribute(key, `${path}.${name}`)
    }
  }
}

function overlayDisk(disk: Element, request: CloneRequest): readonly Overlay[] {
  const source = child(disk, 'source')
  if (source === undefined || isReadOnly(disk)) return []
  refuseElsewhere(disk, request)
  const key = attribute(source, 'file') === undefined ? 'dev' : 'file'
  const backing = attribute(source, key)
  if (backing === undefined) return []
  const target = attribute(child(disk, 'target'), 'dev') ?? 'disk'
  const { name, diskOverlay } = request
  if (diskOverlay === undefined) {
    throw new UsageError(
      'BAD_COMBINATION',
      `The clone '${name}' would write to ${backing}, the disk ${target} of the machine that was saved`,
      {
        path: backing,
        hint: 'Use --disk-overlay DIR: then the clone writes to overlays in that directory',
      },
    )
  }
  const path = join(resolve(diskOverlay), `${name}-${target}.qcow2`)
  const driver = child(disk, 'driver') ?? addDriver(disk)
  const backingFormat = attribute(driver, 'type') ?? 'raw'
  driver.setAttribute('type', 'qcow2')
  disk.setAttribute('type', 'file')
  source.removeAttribute(key)
  source.setAttribute('file', path)
  addBacking(disk, { key, path: backing, format: backingFormat })
  return [{ path, backing, backingFormat }]
}

/** Parts of a `<source>` without which its file is another disk. */
const PARTS = ['encryption', 'slices', 'dataStore']

/** An overlay of such a disk would need its whole description, and so would qemu-img. */
function refuseElsewhere(disk: Element, { name }: CloneRequest): void {
  const type = attribute(disk, 'type') ?? 'file'
  const source = child(disk, 'source')
  const more = [child(disk, 'encryption'), ...PARTS.map((name) => child(source, name))]
  const special = more.find((part) => part !== undefined)?.nodeName
  if ((type === 'file' || type === 'block') && special === undefined) return
  const target = attribute(child(disk, 'target'), 'dev') ?? 'disk'
  throw new UsageError(
    'BAD_COMBINATION',
    `The clone '${name}' would write to the disk ${target} of the machine that was saved, which ${special === undefined ? `is of type "${type}"` : `has <${special}>`}`,
    { operation: 'clone', hint: 'Give the clone another disk with --xml' },
  )
}

function addDriver(disk: Element): Element {
  const driver = create(disk, 'driver')
  disk.appendChild(driver)
  return driver
}

/** Adds the backing of a disk: the original disk with its own chain. */
function addBacking(
  disk: Element,
  below: { readonly key: 'file' | 'dev'; readonly path: string; readonly format: string },
): void {
  const type = below.key === 'file' ? 'file' : 'block'
  const layer = [
    create(disk, 'format', { type: below.format }),
    create(disk, 'source', { [below.key]: below.path }),
    ...children(disk, 'backingStore'),
  ]
  disk.appendChild(create(disk, 'backingStore', { type }, layer))
}

function isReadOnly(disk: Element): boolean {
  const device = attribute(disk, 'device')
  return child(disk, 'readonly') !== undefined || device === 'cdrom'
}

function moveNvram(element: Element | undefined, name: string): CloneXml['nvram'] {
  if (element === undefined) return undefined
  const source = child(element, 'source')
  const from = source === undefined ? text(element).trim() : (attribute(source, 'file') ?? '')
  if (from === '') return undefined
  const to = `${from}.${name}`
  if (source === undefined) setText(element, to)
  else source.setAttribute('file', to)
  return { from, to }
}

function setText(element: Element | undefined, text: string): void {
  if (element !== undefined) element.textContent = text
}

/** In the range that QEMU and libvirt use. */
function randomMac(): string {
  return [
    '52',
    '54',
    '00',
    ...[...randomBytes(3)].map((byte) => byte.toString(16).padStart(2, '0')),
  ].join(':')
}
