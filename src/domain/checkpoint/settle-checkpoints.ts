import { isThere, removeFile } from '../../io/files/file-names.ts'
import { mayBeAlive } from '../../qemu/process/process-identity.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import { thawGuest } from '../machine/freeze.ts'
import { checkpointDirectory, removeDrafts } from '../store/checkpoints/checkpoint-directory.ts'
import { listedCheckpoints } from '../store/checkpoints/checkpoint-record.ts'
import {
  type CheckpointTree,
  type PendingAct,
  readTree,
  writeTree,
} from '../store/checkpoints/checkpoint-tree.ts'
import type { DiskOverlay } from '../store/checkpoints/disk-overlay.ts'
import { readDefinition } from '../store/definitions.ts'
import { dropNvram, renameNvram } from './checkpoint-nvram.ts'
import { collapse } from './disks/collapse.ts'
import { withoutOverlay } from '../catalogue/disk-xml.ts'
import { forgetCheckpoint } from './forget-checkpoint.ts'
import { withoutKilledClones } from './killed-clones.ts'
import { mergeOverlay } from './disks/merge-overlay.ts'

/**
 * Brings an act on the checkpoints of a domain that was killed or has failed to its end: what was published stays, overlays of one that was not are merged into their disks. Returns the tree
 * without a pending act. Callers hold the domain.
 * @throws StorageError, QemuError: the act is still pending, and the guest uses the overlays
 */
export async function settleCheckpoints(held: HeldDomain): Promise<CheckpointTree> {
  const { directories, name } = held
  const tree = await readTree(directories, name)
  const { pending } = tree
  const settled = pending === undefined ? tree : await SETTLE[pending.act](held, tree, pending)
  if (settled !== tree) await writeTree(directories, name, settled)
  await removeDrafts(directories, name)
  return withoutTemporary(held, await withoutKilledClones(held, settled))
}

/** Deletes checkpoints whose makers were killed before they could delete them. */
async function withoutTemporary(held: HeldDomain, tree: CheckpointTree): Promise<CheckpointTree> {
  let marked = tree
  for (const { name, temporary } of await listedCheckpoints(held.directories, held.name)) {
    if (temporary === undefined || (await mayBeAlive(temporary))) continue
    marked = { ...marked, pending: { act: 'delete', name, overlays: [] } }
    await writeTree(held.directories, held.name, marked)
    marked = await forgetCheckpoint(held, marked, name, undefined)
  }
  if (marked === tree) return tree
  const settled = { ...(await collapse(held, marked)), pending: undefined }
  await writeTree(held.directories, held.name, settled)
  return settled
}

type Settle = (
  held: HeldDomain,
  tree: CheckpointTree,
  pending: PendingAct,
) => Promise<CheckpointTree>

const SETTLE: Readonly<Record<PendingAct['act'], Settle>> = {
  async create(held, tree, { name, overlays, freezes }) {
    const { directories, name: domain, record } = held
    if (freezes === true && record?.frozen === true)
      await thawGuest(domain, held.paths).catch(() => undefined)
    if (await isThere(checkpointDirectory(directories, domain, name)))
      return withNew(tree, name, overlays)
    const left: DiskOverlay[] = []
    for (const overlay of overlays) {
      if (await mergeOverlay(held, overlay, { frozen: false })) await removeFile(overlay.path)
      else left.push(overlay)
    }
    return { ...tree, overlays: [...tree.overlays, ...left], pending: undefined }
  },
  async revert(held, tree, { name, overlays, unneeded = [], isBack = false }) {
    const { directories, name: domain, record: running } = held
    const definition = (await readDefinition(directories, domain)) ?? ''
    const isNamed = ({ path, backing, backingFormat: format }: DiskOverlay): boolean =>
      withoutOverlay(definition, path, { path: backing, format }) !== definition
    const records = await listedCheckpoints(directories, domain)
    const nvram = records.find((one) => one.name === name)?.nvram
    if (!isBack && !overlays.some(isNamed)) {
      await dropNvram(nvram)
      for (const { path } of overlays) await removeFile(path)
      return { ...tree, pending: undefined }
    }
    // The domain is on the disks of the checkpoint. A guest that runs has its own variables.
    if (running === undefined) await renameNvram(nvram)
    else await dropNvram(nvram)
    for (const path of unneeded) await removeFile(path)
    const left = tree.overlays.filter(({ path }) => !unneeded.includes(path))
    return withNew({ ...tree, overlays: left }, name, overlays)
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
