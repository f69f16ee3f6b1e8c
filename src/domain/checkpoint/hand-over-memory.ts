import { stat } from 'node:fs/promises'
import { StasisError } from '../../errors.ts'
import { readBase } from '../../image/stasis/reader.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import {
  type CheckpointRecord,
  checkpointDirectory,
  listedCheckpoints,
  writeCheckpoint,
} from '../store/checkpoint-store.ts'
import { baseAt } from './choose-base.ts'
import { keptMemory } from './memory-file.ts'
import { rewriteMemory } from './rewrite-memory.ts'

/**
 * Makes checkpoints independent of others that are about to be deleted: a memory that is based on one of them is written anew, based on what that is based on. Nothing is deleted. It
 * may be repeated after a crash at any point.
 * @throws ImageError, StorageError, CancelledError; then the checkpoints are as before, and nothing may be deleted
 */
export async function handOverMemory(
  { directories, name: domain }: HeldDomain,
  leaving: readonly string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const records = await listedCheckpoints(directories, domain)
  const pathOf = (name: string): string | undefined => {
    const record = records.find((one) => one.name === name)
    return record && keptMemory(directories, domain, record)
  }
  for (const record of records) {
    const path = pathOf(record.name)
    if (path === undefined || leaving.includes(record.name)) continue
    const needed = await baseNameOf(path)
    if (needed === undefined || !leaving.includes(needed)) continue
    let next: string | undefined = needed
    while (next !== undefined && leaving.includes(next)) {
      const below = pathOf(next)
      next = below === undefined ? undefined : await baseNameOf(below)
    }
    const nextPath = next === undefined ? undefined : pathOf(next)
    const found = nextPath === undefined ? undefined : await baseAt(nextPath, next as string)
    const base = found === 'too-long' ? undefined : found
    await rewriteMemory(path, { base, signal }).catch((error: unknown) => {
      if (!(error instanceof StasisError)) throw error
      const hint = `The memory of checkpoint '${record.name}' needs that of '${needed}'. \`stasis checkpoint-delete ${domain} ${record.name}\` gives it up`
      throw error.code === 'NO_SPACE' ? error : error.with({ hint })
    })
    await recordSize(checkpointDirectory(directories, domain, record.name), record, path)
  }
}

/** Records the size of a memory that was written anew. */
async function recordSize(
  directory: string,
  record: CheckpointRecord,
  path: string,
): Promise<void> {
  const { blocks } = await stat(path)
  await writeCheckpoint(directory, { ...record, memory: { path, bytes: blocks * 512 } })
}

/** The checkpoint whose memory has the pages that an image does not store. An image that is gone needs nothing. */
async function baseNameOf(path: string): Promise<string | undefined> {
  try {
    return (await readBase(path))?.name
  } catch (error) {
    if (StasisError.is(error, 'FILE_NOT_FOUND')) return undefined
    throw error
  }
}
