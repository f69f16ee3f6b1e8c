import { ImageError, StasisError } from '../../../errors.ts'
import { readBase } from '../../../image/stasis/reader.ts'
import type { HeldDomain } from '../../catalogue/held-domain.ts'
import { listedCheckpoints } from '../../store/checkpoints/checkpoint-record.ts'
import { baseAt } from './choose-base.ts'
import { keptMemory } from './memory-file.ts'
import { recordSize } from './record-size.ts'
import { rewriteMemory } from './rewrite-memory.ts'

/**
 * Makes checkpoints independent of others that are about to be deleted: a memory that is based on one of them is rewritten, based on the nearest one that stays. Nothing is deleted. It
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
    const explained = (error: unknown): never => {
      throw withHint(error, domain, record.name)
    }
    const needed = await baseNameOf(path).catch(explained)
    if (needed === undefined || !leaving.includes(needed)) continue
    let next: string | undefined = needed
    while (next !== undefined && leaving.includes(next)) {
      const below = pathOf(next)
      next = below === undefined ? undefined : await baseNameOf(below)
    }
    const nextPath = next === undefined ? undefined : pathOf(next)
    const found = nextPath === undefined ? undefined : await baseAt(nextPath, next as string)
    const base = found === 'too-long' ? undefined : found
    await rewriteMemory(path, { base, signal }).catch(explained)
    await recordSize(directories, domain, record)
  }
}

function withHint(error: unknown, domain: string, name: string): unknown {
  if (!(error instanceof ImageError) && !StasisError.is(error, 'NO_SPACE')) return error
  return error.with({
    hint: `The memory of checkpoint '${name}' may need what is to be deleted. If you can do without '${name}', \`stasis checkpoint-delete ${domain} ${name}\` first; that takes no space`,
  })
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
