import { DomainError } from '../../errors.ts'
import { diskSizes } from '../../io/files/disk-sizes.ts'
import { findEntry } from '../catalogue/catalogue.ts'
import { entryXml } from '../catalogue/domain-xml.ts'
import { openQuery } from '../machine/monitor.ts'
import { checkOptions } from '../store/check-options.ts'
import { openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { type Medium, liveDisks } from './block-devices.ts'
import { type NamedDisk, namedDisks } from './named-devices.ts'

/** The sizes of a disk, in bytes; `undefined`: unknown, or a drive without a medium. */
export interface BlockInfo {
  readonly target: string
  readonly source: string | undefined
  /** The size that the guest sees. */
  readonly capacityBytes: number | undefined
  /** The space that its file takes. */
  readonly allocationBytes: number | undefined
  /** The length of its file, or the size of the device. */
  readonly physicalBytes: number | undefined
}

/**
 * The sizes of the disks of a domain, given by name, UUID or id, in the order of its XML.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_BUSY; StorageError
 * @example
 * for (const { target, capacityBytes } of await blockInfo('web')) console.log(target, capacityBytes)
 */
export async function blockInfo(
  reference: string,
  options: DomainOptions = {},
): Promise<readonly BlockInfo[]> {
  checkOptions(options)
  const directories = await openDirectories(options)
  const entry = await findEntry(directories, reference)
  const disks = namedDisks(await entryXml(directories, entry))
  const { signal } = options
  if (entry.record === undefined) return Promise.all(disks.map((disk) => infoOf(disk)))
  await using monitor = await openQuery(entry.paths, signal)
  const live = await liveDisks(monitor, disks, signal)
  return await Promise.all(disks.map((disk, at) => infoOf(disk, live[at]?.medium)))
}

/** The disk that a person means: by its name in the guest, or by its source. @throws DomainError DOMAIN_WRONG_STATE */
export function diskNamed<Disk extends Pick<BlockInfo, 'target' | 'source'>>(
  disks: readonly Disk[],
  device: string,
): Disk {
  const found = disks.find(({ target, source }) => target === device || source === device)
  if (found !== undefined) return found
  const names = disks.map(({ target }) => target).join(', ')
  throw new DomainError('DOMAIN_WRONG_STATE', `The domain has no disk '${device}'`, {
    hint: names === '' ? 'It has none' : `It has ${names}`,
  })
}

async function infoOf(disk: NamedDisk, medium?: Medium): Promise<BlockInfo> {
  const { target, source, isFile } = disk
  const file = isFile && source !== undefined ? await diskSizes(source) : undefined
  return {
    target,
    source,
    capacityBytes: medium?.capacityBytes ?? file?.capacityBytes,
    allocationBytes: file?.allocationBytes ?? medium?.actualBytes,
    physicalBytes: file?.physicalBytes ?? medium?.actualBytes,
  }
}
