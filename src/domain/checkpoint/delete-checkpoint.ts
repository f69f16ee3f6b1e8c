import { keepAct } from '../acts/keep-act.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { checkOptions } from '../store/check-options.ts'
import { readCheckpoints, requireCheckpoint } from '../store/checkpoints/checkpoint-record.ts'
import { type CheckpointTree, writeTree } from '../store/checkpoints/checkpoint-tree.ts'
import type { DomainOptions, WarningOptions } from '../store/domain-options.ts'
import { collapse } from './disks/collapse.ts'
import { forgetCheckpoint } from './forget-checkpoint.ts'
import { handOverMemory } from './memory/hand-over-memory.ts'
import { settleCheckpoints } from './settle-checkpoints.ts'

/** How to delete a checkpoint. */
export interface DeleteCheckpointOptions extends DomainOptions, WarningOptions {
  /** Also delete the checkpoints that were made after it, in its branch. */
  readonly children?: boolean | undefined
}

/** Checkpoints that were deleted. */
export interface DeletedCheckpoint {
  readonly domain: string
  readonly names: readonly string[]
  /** Files of it that stay, because other checkpoints or domains are built on them. */
  readonly kept: readonly string[]
}

/**
 * Deletes a checkpoint of a domain, given by name, UUID or id. Other checkpoints whose memory is based on that of this one are first written anew, without it. The disks of the guest do not change: overlays are merged where nothing else needs the files, also while the guest runs.
 * @throws DomainError CHECKPOINT_NOT_FOUND; ImageError, when the memory of another could not be written anew, and nothing has changed; QemuError, StorageError. After the last two the checkpoint is not listed any more, and the next checkpoint command completes the deletion
 * @example
 * await deleteCheckpoint('web', 'before-upgrade')
 */
export async function deleteCheckpoint(
  reference: string,
  name: string,
  options: DeleteCheckpointOptions = {},
): Promise<DeletedCheckpoint> {
  checkOptions(options)
  const { onWarning } = options
  const plan = { act: 'checkpoint-delete', reference } as const
  return keepAct({ plan, directories: options, facts: () => ({}), onWarning }, async (act) => {
    await using held = await HeldDomain.find(reference, 'checkpoint-delete', options)
    act.on(held.name, held.record?.uuid)
    const tree = await settleCheckpoints(held)
    await requireCheckpoint(held.directories, held.name, name)
    const names = await chosen(held, name, options.children === true)
    await handOverMemory(held, names, options.signal)
    let marked: CheckpointTree = { ...tree, pending: { act: 'delete', name, overlays: [] } }
    await writeTree(held.directories, held.name, marked)
    for (const one of names) marked = await forgetCheckpoint(held, marked, one, onWarning)
    const left = await collapse(held, marked)
    await writeTree(held.directories, held.name, { ...left, pending: undefined })
    const records = await readCheckpoints(held.directories, held.name)
    const kept = records
      .filter((one) => one.deleted === true && names.includes(one.name))
      .flatMap(({ disks }) => disks.map(({ path }) => path))
    return { domain: held.name, names, kept }
  })
}

/** The checkpoint, and those after it, the newest first. */
async function chosen(
  { directories, name: domain }: HeldDomain,
  name: string,
  children: boolean,
): Promise<readonly string[]> {
  if (!children) return [name]
  const records = await readCheckpoints(directories, domain)
  const below = (parent: string): readonly string[] =>
    records
      .filter((one) => one.parent === parent && one.deleted !== true)
      .flatMap((one) => [...below(one.name), one.name])
  return [...below(name), name]
}
