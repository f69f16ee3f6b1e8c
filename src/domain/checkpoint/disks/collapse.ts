import { removeTree } from '../../../io/files/directory.ts'
import { isThere, removeFile } from '../../../io/files/file-names.ts'
import { rebaseOverlay } from '../../../qemu/programs/overlay-files.ts'
import { openFilesOf } from '../../../qemu/process/open-files.ts'
import { keyOf, usesOfFile } from '../../catalogue/files/guest-files.ts'
import type { HeldDomain } from '../../catalogue/held-domain.ts'
import { checkpointDirectory } from '../../store/checkpoints/checkpoint-directory.ts'
import {
  type CheckpointRecord,
  readCheckpoints,
  writeCheckpoint,
} from '../../store/checkpoints/checkpoint-record.ts'
import { type CheckpointTree, writeTree } from '../../store/checkpoints/checkpoint-tree.ts'
import type { DiskOverlay } from '../../store/checkpoints/disk-overlay.ts'
import { emulatorOf } from './emulator-of.ts'
import { mergeOverlay } from './merge-overlay.ts'

/**
 * Merges and removes the disks of deleted checkpoints as far as nothing needs them: a disk with one overlay takes in the overlay, one without is removed if Stasis made it. The others stay, and are
 * looked at again with the next deletion. Returns the new tree, which is written. It may be repeated after a crash at any point.
 * @throws StorageError, QemuError
 */
export async function collapse(held: HeldDomain, before: CheckpointTree): Promise<CheckpointTree> {
  let tree = before
  for (;;) {
    tree = await withoutEndedClones(held, tree)
    const records = await readCheckpoints(held.directories, held.name)
    const next = await step(held, tree, records)
    if (next === undefined) break
    tree = next
  }
  await removeUnneeded(held, tree)
  return tree
}

/** One file fewer; `undefined` when nothing can be done. */
async function step(
  held: HeldDomain,
  tree: CheckpointTree,
  records: readonly CheckpointRecord[],
): Promise<CheckpointTree | undefined> {
  const kept = new Set(
    records.filter((one) => one.deleted !== true).flatMap(({ disks }) => disks.map(pathOf)),
  )
  for (const disk of records.filter((one) => one.deleted === true).flatMap(({ disks }) => disks)) {
    if (kept.has(disk.path)) continue
    const above = tree.overlays.filter(({ backing }) => backing === disk.path)
    const own = tree.overlays.find(({ path }) => path === disk.path)
    const [only] = above
    if (only === undefined) {
      // Files that Stasis did not make are the user's.
      if (own === undefined || (await isUsed(held, own.path, { orByThis: true }))) continue
      await removeFile(own.path)
      return write(held, { ...tree, overlays: tree.overlays.filter((one) => one !== own) })
    }
    if (above.length > 1 || only.clone !== undefined) continue
    if ((await isUsed(held, disk.path)) || (await isUsed(held, only.path))) continue
    const merged = await takeIn(held, tree, records, only)
    if (merged !== undefined) return merged
  }
  return undefined
}

const pathOf = ({ path }: { readonly path: string }): string => path

/** Merges an overlay into its backing file; every record that names the overlay names the file afterwards. */
async function takeIn(
  held: HeldDomain,
  tree: CheckpointTree,
  records: readonly CheckpointRecord[],
  overlay: DiskOverlay,
): Promise<CheckpointTree | undefined> {
  const { path, backing, backingFormat: format } = overlay
  const above = tree.overlays.filter((one) => one.backing === path)
  const frozen = above.length > 0 || records.some(({ disks }) => disks.map(pathOf).includes(path))
  if (!(await mergeOverlay(held, overlay, { frozen }))) return undefined
  const emulator = await emulatorOf(held)
  for (const one of above)
    // QEMU itself has changed those that it has open.
    if ((await isThere(one.path)) && !(await isOpen(held, one.path)))
      await rebaseOverlay(one.path, { backing, backingFormat: format }, emulator)
  for (const record of records) {
    // The disk of a deleted checkpoint has given its name to the one that was merged into it.
    const disks = record.disks.flatMap((disk) =>
      disk.path === path
        ? [{ ...disk, path: backing, format }]
        : disk.path === backing
          ? []
          : [disk],
    )
    if (
      disks.some((disk, index) => disk !== record.disks[index]) ||
      disks.length !== record.disks.length
    )
      await writeCheckpoint(checkpointDirectory(held.directories, held.name, record.name), {
        ...record,
        disks,
      })
  }
  const overlays = tree.overlays.flatMap((one) => {
    if (one.path === path) return []
    return one.backing === path ? [{ ...one, backing, backingFormat: format }] : [one]
  })
  const written = await write(held, { ...tree, overlays })
  await removeFile(path)
  return written
}

/** Whether another domain uses a file, or has an overlay on it; also by this domain, if asked. */
async function isUsed(
  { directories, name }: HeldDomain,
  path: string,
  { orByThis = false }: { readonly orByThis?: boolean } = {},
): Promise<boolean> {
  const key = (await keyOf(path))?.key
  if (key === undefined) return false
  const uses = await usesOfFile(directories, key)
  return uses.some(({ domain }) => orByThis || domain !== name)
}

/** Whether the QEMU of this domain has a file open. */
async function isOpen({ record }: HeldDomain, path: string): Promise<boolean> {
  if (record === undefined) return false
  const key = (await keyOf(path))?.key
  return (await openFilesOf(record.pid)).some((file) => file.key === key)
}

/** The overlay of a clone is the clone's: whoever removes it has ended the clone. */
async function withoutEndedClones(held: HeldDomain, tree: CheckpointTree): Promise<CheckpointTree> {
  const left: DiskOverlay[] = []
  for (const one of tree.overlays)
    if (one.clone === undefined || (await isThere(one.path))) left.push(one)
  return left.length === tree.overlays.length ? tree : write(held, { ...tree, overlays: left })
}

/** Removes the records of deleted checkpoints on whose disks nothing is built. */
async function removeUnneeded(held: HeldDomain, { overlays }: CheckpointTree): Promise<void> {
  const { directories, name } = held
  for (const record of await readCheckpoints(directories, name)) {
    if (record.deleted !== true) continue
    const needed = record.disks.some(({ path }) =>
      overlays.some((one) => one.backing === path || one.path === path),
    )
    if (!needed) await removeTree(checkpointDirectory(directories, name, record.name))
  }
}

async function write(held: HeldDomain, tree: CheckpointTree): Promise<CheckpointTree> {
  await writeTree(held.directories, held.name, tree)
  return tree
}
