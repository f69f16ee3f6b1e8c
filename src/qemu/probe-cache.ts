import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { StorageError } from '../errors.ts'
import { PartialFile } from '../io/partial-file.ts'
import type { ProbedQemu } from './probed-qemu.ts'

/** The cached result for a fingerprint; `undefined` when there is none, or the file is not ours. */
export async function loadProbe(
  directory: string | undefined,
  key: string,
): Promise<ProbedQemu | undefined> {
  if (directory === undefined) return undefined
  try {
    const entry = JSON.parse(await readFile(pathOf(directory, key), 'utf8')) as {
      key?: unknown
      probed?: Partial<ProbedQemu>
    }
    const { key: itsKey, probed } = entry
    const fits =
      itsKey === key && typeof probed?.version === 'string' && Array.isArray(probed.machines)
    return fits ? (probed as ProbedQemu) : undefined
  } catch {
    return undefined
  }
}

/** Caches a result. A cache that cannot be written is ignored, because the probe succeeded. */
export async function storeProbe(
  directory: string | undefined,
  key: string,
  probed: ProbedQemu,
): Promise<void> {
  if (directory === undefined) return
  try {
    await using partial = await PartialFile.create(pathOf(directory, key), { direct: false })
    await partial.file.write(Buffer.from(JSON.stringify({ key, probed })), 0)
    await partial.publish()
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
  }
}

function pathOf(directory: string, key: string): string {
  return join(
    directory,
    `probe-${createHash('sha256').update(key).digest('hex').slice(0, 24)}.json`,
  )
}
