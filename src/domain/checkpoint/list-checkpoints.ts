import { stat } from 'node:fs/promises'
import { readBase } from '../../image/stasis/reader.ts'
import { findAnyEntry } from '../catalogue/catalogue.ts'
import {
  type CheckpointRecord,
  readCheckpoints,
  requireCheckpoint,
} from '../store/checkpoints/checkpoint-record.ts'
import { readTree } from '../store/checkpoints/checkpoint-tree.ts'
import type { DiskOverlay } from '../store/checkpoints/disk-overlay.ts'
import { keptMemory } from './memory/memory-file.ts'
import { openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'

/** A checkpoint as it is listed. */
export interface ListedCheckpoint extends Omit<
  CheckpointRecord,
  'deleted' | 'temporary' | 'xml' | 'definition'
> {
  /** The guest has passed it last. */
  readonly current: boolean
  /** The allocated space of its memory and of the disks that it keeps. */
  readonly memoryBytes: number
  /** The checkpoint whose memory has the pages that this one does not store. */
  readonly base: string | undefined
  readonly diskBytes: number
}

/** The checkpoints of a domain. */
export interface CheckpointList {
  readonly domain: string
  /** The oldest first. */
  readonly checkpoints: readonly ListedCheckpoint[]
  /** A checkpoint that was not completed: the next command that changes checkpoints finishes it or takes it back. */
  readonly pending: string | undefined
}

/**
 * Lists the checkpoints of a domain, given by name, UUID or id. Changes nothing.
 * @throws DomainError DOMAIN_NOT_FOUND; StorageError
 * @example
 * const { checkpoints } = await listCheckpoints('web')
 */
export async function listCheckpoints(
  reference: string,
  options: DomainOptions = {},
): Promise<CheckpointList> {
  const directories = await openDirectories(options)
  const { name: domain } = await findAnyEntry(directories, reference)
  const { current, pending } = await readTree(directories, domain)
  const records = await readCheckpoints(directories, domain)
  const checkpoints: ListedCheckpoint[] = []
  let temporaryName: string | undefined
  for (const { deleted, temporary, xml: _xml, definition: _definition, ...record } of records) {
    if (deleted === true) continue
    if (temporary !== undefined) {
      temporaryName ??= record.name
      continue
    }
    let diskBytes = 0
    for (const { path } of record.disks) diskBytes += await allocated(path)
    const path = keptMemory(directories, domain, record)
    // What is wrong with the image, a restore or a check of it tells.
    const base = path === undefined ? undefined : await readBase(path).catch(() => undefined)
    const memoryBytes = record.memory === undefined ? 0 : await allocated(record.memory.path)
    const isCurrent = record.name === current
    const listed = { ...record, current: isCurrent, memoryBytes, base: base?.name, diskBytes }
    checkpoints.push(listed)
  }
  return { domain, checkpoints, pending: pending?.name ?? temporaryName }
}

/** One checkpoint with its XML, and the overlays on its disks. @throws DomainError DOMAIN_NOT_FOUND, CHECKPOINT_NOT_FOUND; StorageError */
export async function readCheckpoint(
  reference: string,
  name: string,
  options: DomainOptions = {},
): Promise<CheckpointRecord & { readonly overlays: readonly DiskOverlay[] }> {
  const directories = await openDirectories(options)
  const { name: domain } = await findAnyEntry(directories, reference)
  const tree = await readTree(directories, domain)
  const record = await requireCheckpoint(directories, domain, name)
  const files = new Set(record.disks.map(({ path }) => path))
  return { ...record, overlays: tree.overlays.filter(({ backing }) => files.has(backing)) }
}

const BLOCK = 512

async function allocated(path: string): Promise<number> {
  return stat(path).then(
    ({ blocks }) => blocks * BLOCK,
    () => 0,
  )
}
