import { StorageError } from '../../../errors.ts'
import { isThere } from '../../../io/files/file-names.ts'
import type { DiskLayer } from '../../../qemu/domain-xml/model/storage/disk-source.ts'
import type { Disk } from '../../../qemu/domain-xml/model/storage/disk.ts'
import type { Domain } from '../../../qemu/domain-xml/model/domain.ts'
import { createOverlay } from '../../../qemu/programs/create-overlay.ts'
import type { RuntimePaths } from '../../store/runtime-paths.ts'
import { recordOverlays } from '../../store/transient-overlays.ts'

/** An overlay on a transient disk. */
interface TransientOverlay {
  readonly path: string
  readonly backing: FileLayer
}

type FileLayer = DiskLayer & { readonly path: string }

/** The domain with overlays, which are still to be made, on its transient disks: beside each disk, named as by libvirt. */
export function withOverlays(domain: Domain): {
  readonly domain: Domain
  readonly overlays: readonly TransientOverlay[]
} {
  const overlays: TransientOverlay[] = []
  const disks = domain.disks.map((disk): Disk => {
    const { transient, source: backing } = disk
    if (!transient || backing?.type !== 'file') return disk
    const path = `${backing.path}.TRANSIENT-${domain.name}`
    overlays.push({ path, backing })
    return { ...disk, source: { ...EMPTY_LAYER, path, backing }, backing }
  })
  return { domain: { ...domain, disks }, overlays }
}

const EMPTY_LAYER = {
  type: 'file',
  format: 'qcow2',
  encryption: undefined,
  slice: undefined,
  dataStore: undefined,
  metadataCacheBytes: undefined,
  reservations: undefined,
} as const

/**
 * Makes the overlays of a domain that is about to start. They are removed together with its runtime directory.
 * @throws StorageError FILE_EXISTS for one that is there already, and others
 */
export async function makeOverlays(
  overlays: readonly TransientOverlay[],
  paths: RuntimePaths,
  emulator: string,
): Promise<void> {
  if (overlays.length === 0) return
  for (const { path } of overlays) await refuseExisting(path)
  await recordOverlays(
    paths,
    overlays.map(({ path }) => path),
  )
  for (const { path, backing } of overlays)
    await createOverlay({ path, backing: backing.path, backingFormat: backing.format }, emulator)
}

/** It may be that of the same domain on another host. */
async function refuseExisting(path: string): Promise<void> {
  if (!(await isThere(path))) return
  throw new StorageError(
    'FILE_EXISTS',
    `The overlay ${path} of a transient disk is there already`,
    {
      operation: 'make a disk overlay',
      path,
      hint: 'Another host may run this domain. If none does, the file is a remnant that nobody needs: remove it',
    },
  )
}
