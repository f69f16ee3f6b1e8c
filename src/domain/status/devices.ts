import type { Element } from '@xmldom/xmldom'
import { attribute, child, children } from '../../qemu/domain-xml/access.ts'
import { nameDevices } from '../../qemu/domain-xml/live/aliases.ts'
import { parseXml } from '../../qemu/domain-xml/parse-xml.ts'
import { type DomainXmlOptions, readDomainXml } from '../catalogue/domain-xml.ts'
import { dumpDomainXml } from './dump-xml.ts'

/** A disk, as the XML of its domain describes it. */
export interface ListedDisk {
  /** `file`, `block`, `network` … */
  readonly type: string
  readonly device: string
  readonly target: string
  /** `undefined` for a drive without a medium. */
  readonly source: string | undefined
}

/** A network card, as the XML of its domain describes it. */
export interface ListedInterface {
  /** The device on the host: of a running domain the present one, or else the one that the XML names. */
  readonly interface: string | undefined
  readonly type: string
  /** The network, bridge or device of the host. */
  readonly source: string | undefined
  readonly model: string | undefined
  readonly mac: string | undefined
}

/** The disks of a domain. @throws DomainError DOMAIN_NOT_FOUND, StorageError, DomainXmlError */
export async function listDisks(
  reference: string,
  options: DomainXmlOptions,
): Promise<readonly ListedDisk[]> {
  return devicesOf(await readDomainXml(reference, options), 'disk').map((disk) => ({
    type: attribute(disk, 'type') ?? 'file',
    device: attribute(disk, 'device') ?? 'disk',
    target: attribute(child(disk, 'target'), 'dev') ?? '',
    source: sourceOf(disk),
  }))
}

/** The network cards of a domain. @throws DomainError DOMAIN_NOT_FOUND, StorageError, DomainXmlError */
export async function listInterfaces(
  reference: string,
  options: DomainXmlOptions,
): Promise<readonly ListedInterface[]> {
  return devicesOf(await dumpDomainXml(reference, options), 'interface').map((card) => ({
    interface: attribute(child(card, 'target'), 'dev'),
    type: attribute(card, 'type') ?? '',
    source: firstOf(child(card, 'source'), ['network', 'bridge', 'dev', 'name']),
    model: attribute(child(card, 'model'), 'type'),
    mac: attribute(child(card, 'mac'), 'address'),
  }))
}

/** The source of a disk; `undefined` if it has none. */
export function sourceOf(disk: Element): string | undefined {
  return firstOf(child(disk, 'source'), ['file', 'dev', 'dir', 'name', 'volume'])
}

/** The devices of one kind in a domain XML. @throws DomainXmlError */
export function devicesOf(xml: string, name: string): readonly Element[] {
  return devicesIn(parseXml(xml).documentElement ?? undefined, name)
}

/** The devices of one kind in a domain XML, with the names that QEMU has for them. @throws DomainXmlError */
export function namedDevices(xml: string, name: string): readonly Element[] {
  const root = parseXml(xml).documentElement ?? undefined
  if (root !== undefined) nameDevices(root)
  return devicesIn(root, name)
}

function devicesIn(root: Element | undefined, name: string): readonly Element[] {
  const devices = child(root, 'devices')
  return devices === undefined ? [] : children(devices, name)
}

function firstOf(element: Element | undefined, names: readonly string[]): string | undefined {
  return names.map((name) => attribute(element, name)).find((value) => value !== undefined)
}
