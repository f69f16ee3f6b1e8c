import { isThere, removeFile } from '../../io/files/file-names.ts'
import { mayBeAlive } from '../../qemu/process/process-identity.ts'
import { listEntries } from '../catalogue/catalogue.ts'
import { keyOf, usesOfFile } from '../catalogue/files/guest-files.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import { type CheckpointTree, writeTree } from '../store/checkpoints/checkpoint-tree.ts'
import type { DiskOverlay } from '../store/checkpoints/disk-overlay.ts'

/**
 * Removes the overlays of clones that do not exist, because the process that made them was killed. One whose clone runs is the clone's from now on. Returns the new tree, which is written.
 * @throws StorageError
 */
export async function withoutKilledClones(
  held: HeldDomain,
  tree: CheckpointTree,
): Promise<CheckpointTree> {
  if (tree.overlays.every(({ maker }) => maker === undefined)) return tree
  const { directories, name } = held
  const domains = new Set((await listEntries(directories)).map((one) => one.name))
  const overlays: DiskOverlay[] = []
  for (const overlay of tree.overlays) {
    const { maker, path, clone = '' } = overlay
    if (maker === undefined || (await mayBeAlive(maker))) overlays.push(overlay)
    else if (domains.has(clone) || (await isUsed(held, path)))
      overlays.push({ ...overlay, maker: undefined })
    else await removeFile(path)
  }
  const next = { ...tree, overlays }
  await writeTree(directories, name, next)
  return next
}

async function isUsed({ directories }: HeldDomain, path: string): Promise<boolean> {
  if (!(await isThere(path))) return false
  const key = (await keyOf(path))?.key
  return key === undefined || (await usesOfFile(directories, key)).length > 0
}
