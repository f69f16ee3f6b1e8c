import type { Element } from '@xmldom/xmldom'
import { isReachable } from '../../io/files/file-names.ts'
import { attribute, child, children } from '../../qemu/domain-xml/access.ts'
import type { DomainDocument } from '../../qemu/domain-xml/document.ts'

/** The `startupPolicy` of a CD-ROM or floppy drive for a missing medium (libvirt formatdomain, `<source startupPolicy>`). */
const MAY_BE_MISSING = {
  start: ['optional'],
  // An image was saved with the medium, which may be gone since.
  restore: ['optional', 'requisite'],
} as const satisfies Readonly<Record<string, readonly string[]>>

/**
 * Takes media out of the drives of a domain XML when their files do not exist and the XML allows that. The drives stay, so that the guest sees the
 * same machine. Returns one sentence for each.
 * @throws StorageError
 */
export async function removeMissingMedia(
  document: DomainDocument,
  occasion: 'start' | 'restore',
): Promise<readonly string[]> {
  const removed: string[] = []
  const devices = child(document.root, 'devices')
  for (const disk of devices === undefined ? [] : children(devices, 'disk')) {
    const source = child(disk, 'source')
    const path = attribute(source, 'file') ?? attribute(source, 'dev')
    if (source === undefined || path === undefined || !isDrive(disk)) continue
    const policy = attribute(source, 'startupPolicy')
    if (!MAY_BE_MISSING[occasion].some((one) => one === policy)) continue
    if (await isReachable(path)) continue
    disk.removeChild(source)
    removed.push(
      `${path} does not exist: the drive ${attribute(child(disk, 'target'), 'dev')} is empty`,
    )
  }
  return removed
}

function isDrive(disk: Element): boolean {
  const device = attribute(disk, 'device')
  return device === 'cdrom' || device === 'floppy'
}
