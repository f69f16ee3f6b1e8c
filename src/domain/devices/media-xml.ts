import type { Element } from '@xmldom/xmldom'
import { DomainError, UsageError } from '../../errors.ts'
import { attribute, child, children } from '../../qemu/domain-xml/access.ts'
import { formatDomainXml, formatPart } from '../../qemu/domain-xml/format.ts'
import { create, insertBefore } from '../../qemu/domain-xml/normalise/edit.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { sourceOf } from '../status/devices.ts'

/** A change of the medium of a drive. */
export interface MediumChange {
  /** `update` replaces a medium, or inserts one. Default: `update`. */
  readonly action?: 'eject' | 'insert' | 'update' | undefined
  /** The new medium. */
  readonly source?: string | undefined
  /** Whether the new medium is a block device. */
  readonly block?: boolean | undefined
}

/** The XML of a domain with another medium in one of its drives. */
export interface ChangedMedium {
  readonly xml: string
  /** The drive's name in the guest. */
  readonly target: string
  /** Its place among the disks. */
  readonly index: number
  /** The XML of the drive. */
  readonly disk: string
}

/** The elements before `<source>` in a disk, in libvirt's order. */
const BEFORE_SOURCE = ['driver', 'auth']

/**
 * Changes the medium of a CD-ROM or floppy drive, given by its name in the guest or by its present medium, in the XML of a domain.
 * @throws DomainError DOMAIN_WRONG_STATE if the domain has no such drive, if `eject` finds an empty drive, or if `insert` finds a drive with a medium; UsageError BAD_COMBINATION
 */
export function withMedium(xml: string, device: string, change: MediumChange): ChangedMedium {
  const { action = 'update', source, block } = change
  if (action === 'eject' && source !== undefined)
    throw new UsageError('BAD_COMBINATION', 'Nothing is inserted when a medium is ejected')
  if (action !== 'eject' && source === undefined)
    throw new UsageError('BAD_COMBINATION', 'New disk media source was not specified')
  const document = parseDomainXml(xml)
  const devices = child(document.root, 'devices')
  const disks = devices === undefined ? [] : children(devices, 'disk')
  const index = disks.findIndex((disk) => isDrive(disk) && namesOf(disk).includes(device))
  const disk = disks[index]
  if (disk === undefined) throw noDrive(device, disks)
  const empty = mediumOf(disk) === undefined
  if (action === 'eject' && empty)
    throw new DomainError('DOMAIN_WRONG_STATE', `The disk device '${device}' doesn't have media`)
  if (action === 'insert' && !empty)
    throw new DomainError('DOMAIN_WRONG_STATE', `The disk device '${device}' already has media`, {
      hint: '--update replaces it',
    })
  for (const name of ['source', 'backingStore']) {
    const old = child(disk, name)
    if (old !== undefined) disk.removeChild(old)
  }
  if (source !== undefined) {
    disk.setAttribute('type', block === true ? 'block' : 'file')
    const made = create(disk, 'source', { [block === true ? 'dev' : 'file']: source })
    insertBefore(disk, made, (one) => !BEFORE_SOURCE.includes(one.nodeName))
  }
  const target = attribute(child(disk, 'target'), 'dev') ?? device
  return { xml: formatDomainXml(document), target, index, disk: formatPart(disk).trimEnd() }
}

function isDrive(disk: Element): boolean {
  return ['cdrom', 'floppy'].includes(attribute(disk, 'device') ?? 'disk')
}

function namesOf(disk: Element): readonly (string | undefined)[] {
  return [attribute(child(disk, 'target'), 'dev'), mediumOf(disk)]
}

/** A medium on another host need not have a name. */
function mediumOf(disk: Element): string | undefined {
  return sourceOf(disk) ?? attribute(child(disk, 'source'), 'protocol')
}

function noDrive(device: string, disks: readonly Element[]): DomainError {
  const drives = disks.filter(isDrive).map((disk) => attribute(child(disk, 'target'), 'dev'))
  return new DomainError(
    'DOMAIN_WRONG_STATE',
    `No CD-ROM or floppy drive found whose source path or target is ${device}`,
    { hint: drives.length === 0 ? 'The domain has none' : `The domain has ${drives.join(', ')}` },
  )
}
