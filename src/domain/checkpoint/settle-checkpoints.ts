import { removeTree } from '../../io/files/directory.ts'
import { isThere, removeFile } from '../../io/files/file-names.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import {
  type CheckpointTree,
  type DiskOverlay,
  type PendingAct,
  checkpointDirectory,
  readTree,
  writeTree,
} from '../store/checkpoint-store.ts'
import { readDefinition } from '../store/definitions.ts'
import { collapse } from './collapse.ts'
import { withoutOverlay } from '../catalogue/disk-xml.ts'
import { mergeOverlay } from './merge-overlay.ts'

/**
 * Brings an act on the checkpoints of a domain that was killed or has failed to its end: what was published stays, overlays of one that was not are merged into their disks. Returns the tree
 * without a pending act. Callers hold the domain.
 * @throws StorageError, QemuError: the act is still pending, and the guest uses the overlays
 */
export async function settleCheckpoints(held: HeldDomain): Promise<CheckpointTree> {
  const tree = await readTree(held.directories, held.name)
  const { pending } = tree
  if (pending === undefined) return tree
  const settled = await SETTLE[pending.act](held, tree, pending)
  await writeTree(held.directories, held.name, settled)
  return settled
}

type Settle = (
  held: HeldDomain,
  tree: CheckpointTree,
  pending: PendingAct,
) => Promise<CheckpointTree>

const SETTLE: Readonly<Record<PendingAct['act'], Settle>> = {
  async create(held, tree, { name, overlays }) {
    const { directories, name: domain } = held
    if (await isThere(checkpointDirectory(directories, domain, name)))
      return withNew(tree, name, overlays)
    const left: DiskOverlay[] = []
    for (const overlay of overlays) {
      if (await mergeOverlay(held, overlay, { frozen: false })) await removeFile(overlay.path)
      else left.push(overlay)
    }
    await removeTree(checkpointDirectory(directories, domain, name, 'partial'))
    return { ...tree, overlays: [...tree.overlays, ...left], pending: undefined }
  },
  async revert(held, tree, { name, overlays }) {
    const definition = (await readDefinition(held.directories, held.name)) ?? ''
    const isNamed = ({ path, backing, backingFormat: format }: DiskOverlay): boolean =>
      withoutOverlay(definition, path, { path: backing, format }) !== definition
    // The domain is on the disks of the checkpoint.
    if (overlays.some(isNamed)) return withNew(tree, name, overlays)
    for (const { path } of overlays) await removeFile(path)
    return { ...tree, pending: undefined }
  },
  delete: async (held, tree) => ({ ...(await collapse(held, tree)), pending: undefined }),
}

function withNew(
  tree: CheckpointTree,
  current: string,
  overlays: readonly DiskOverlay[],
): CheckpointTree {
  return { current, overlays: [...tree.overlays, ...overlays], pending: undefined }
}
