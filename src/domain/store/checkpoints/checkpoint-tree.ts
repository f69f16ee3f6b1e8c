import { join } from 'node:path'
import { makeDirectory } from '../../../io/files/directory.ts'
import { areAll, isOptionalFlag, isOptionalText, isText } from '../../../io/records/field-checks.ts'
import {
  type RecordKind,
  fieldsOf,
  readRecordFile,
  writeRecordFile,
} from '../../../io/records/record-file.ts'
import type { Directories } from '../directories.ts'
import { TREE_NAME, checkpointsDirectory } from './checkpoint-directory.ts'
import { type DiskOverlay, isOverlay } from './disk-overlay.ts'

/** An act on checkpoints that was begun. */
export interface PendingAct {
  readonly act: 'create' | 'revert' | 'delete'
  /** The checkpoint that it makes, returns to or deletes. */
  readonly name: string
  /** The overlays that it makes, or the one that it merges into its backing file. */
  readonly overlays: readonly DiskOverlay[]
  /** Overlays that nobody needs once the domain has returned to the checkpoint. */
  readonly unneeded?: readonly string[] | undefined
  /** The domain has returned to the checkpoint. */
  readonly isBack?: boolean | undefined
  /** It freezes the file systems of the guest. */
  readonly freezes?: boolean | undefined
}

/** What a domain's checkpoints have in common: `tree.json`. */
export interface CheckpointTree {
  /** The checkpoint that the guest has passed last. */
  readonly current?: string | undefined
  /** All overlays that were made and still exist. */
  readonly overlays: readonly DiskOverlay[]
  readonly pending?: PendingAct | undefined
}

/** The tree of a domain; an empty one when it has no checkpoints. @throws StorageError */
export async function readTree(
  directories: Pick<Directories, 'stateDir'>,
  domain: string,
): Promise<CheckpointTree> {
  return (await readRecordFile(TREE, treePath(directories, domain))) ?? { overlays: [] }
}

/** Writes the tree durably. @throws StorageError */
export async function writeTree(
  directories: Pick<Directories, 'stateDir'>,
  domain: string,
  tree: CheckpointTree,
): Promise<void> {
  await makeDirectory(checkpointsDirectory(directories, domain))
  await writeRecordFile(TREE, treePath(directories, domain), tree, { durable: true })
}

function treePath(directories: Pick<Directories, 'stateDir'>, domain: string): string {
  return join(checkpointsDirectory(directories, domain), TREE_NAME)
}

const TREE: RecordKind<CheckpointTree> = {
  what: 'the tree of the checkpoints of a domain',
  version: 1,
  parse(value) {
    const { current, overlays, pending } = fieldsOf(value) ?? {}
    const fits =
      isOptionalText(current) &&
      areAll(overlays, isOverlay) &&
      (pending === undefined || isPending(pending))
    return fits ? (value as CheckpointTree) : undefined
  },
}

function isPending(value: unknown): boolean {
  const { act, name, overlays, unneeded, freezes, isBack } = fieldsOf(value) ?? {}
  return (
    ['create', 'revert', 'delete'].includes(String(act)) &&
    isText(name) &&
    areAll(overlays, isOverlay) &&
    (unneeded === undefined || areAll(unneeded, isText)) &&
    [freezes, isBack].every(isOptionalFlag)
  )
}
