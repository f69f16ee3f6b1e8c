import { setOwnerAndMode } from '../../../io/files/directory.ts'
import { makeOverlay } from '../../../qemu/programs/overlay-files.ts'
import type { QmpConnection } from '../../../qmp/connection.ts'
import type { CheckpointDisk, DiskOverlay } from '../../store/checkpoints/disk-overlay.ts'
import type { RuntimeRecord } from '../../store/runtime-record.ts'
import { freeName } from './disk-choice.ts'
import { blockNodes, requireNode } from './disk-nodes.ts'

/** How the files of overlays are made. */
interface OverlayFiles {
  readonly emulator: string
  /** The sizes of the disks that a QEMU has open, by their names in the guest: it locks them. */
  readonly sizes?: ReadonlyMap<string, number | undefined>
  /** The machine that writes to them: it may run as another user. */
  readonly owner?: RuntimeRecord
}

/** Makes the files of overlays, empty. @throws QemuError, StorageError */
export async function makeOverlays(
  overlays: readonly DiskOverlay[],
  { emulator, sizes, owner }: OverlayFiles,
): Promise<void> {
  for (const overlay of overlays) {
    await makeOverlay({ ...overlay, sizeBytes: sizes?.get(overlay.target) }, emulator)
    const user = owner?.confinement
    if (user !== undefined) await setOwnerAndMode(overlay.path, user, 0o600)
  }
}

/** The sizes of the disks of a running machine in bytes, by their names in the guest. @throws QemuError; DomainError DOMAIN_WRONG_STATE for a disk that QEMU does not have */
export async function diskSizes(
  control: QmpConnection,
  disks: readonly CheckpointDisk[],
): Promise<ReadonlyMap<string, number | undefined>> {
  const nodes = await blockNodes(control)
  return new Map(
    disks.map(({ target, path }) => [
      target,
      requireNode(nodes, path, target).image?.['virtual-size'],
    ]),
  )
}

/** Overlays on the disks of a checkpoint, with free names beside them. */
export async function overlaysOn(
  disks: readonly CheckpointDisk[],
  checkpoint: string,
): Promise<readonly DiskOverlay[]> {
  const taken = new Set<string>()
  const overlays: DiskOverlay[] = []
  for (const { target, path: backing, format: backingFormat } of disks) {
    const path = await freeName(backing, checkpoint, taken)
    taken.add(path)
    overlays.push({ target, path, backing, backingFormat })
  }
  return overlays
}
