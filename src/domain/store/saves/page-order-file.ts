import { createHash } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { PageRange, RamBlock } from '../../../image/saved-machine.ts'
import { makeDirectory } from '../../../io/files/directory.ts'
import { removeFile } from '../../../io/files/file-names.ts'
import { readText, writeText } from '../../../io/records/text-file.ts'
import {
  formatPageOrder,
  isPageOrder,
  parsePageOrder,
} from '../../../transfer/page-server/page-order.ts'
import type { Directories } from '../directories.ts'

/** An order has at most some 300 KB. */
const KEPT = 200

/** The file with the order in which a guest requested the pages of an image. */
export function orderPath({ stateDir }: Pick<Directories, 'stateDir'>, image: string): string {
  const name = createHash('sha256').update(image).digest('hex').slice(0, 40)
  return join(stateDir, 'orders', `${name}.order`)
}

/** The order of an earlier restore; empty when there is none for this machine, or it cannot be read, because it only improves speed. */
export async function readOrder(
  path: string,
  machine: string,
  blocks: readonly RamBlock[],
): Promise<readonly PageRange[]> {
  const text = await readText(path).catch(() => undefined)
  return parsePageOrder(text ?? '', machine, blocks)
}

/** Stores the order for the next restore; where that is not possible, returns the reason in words. */
export async function writeOrder(
  path: string,
  machine: string,
  blocks: readonly RamBlock[],
  ranges: readonly PageRange[],
): Promise<string | undefined> {
  try {
    await makeDirectory(dirname(path))
    await writeText(path, formatPageOrder(machine, blocks, ranges), { durable: false })
    await removeOldest(dirname(path))
    return undefined
  } catch (error) {
    return `could not record the order of pages: ${String(error)}`
  }
}

/** Removes the order that earlier versions kept beside the image. Another file with that name stays. */
export async function removeFormerOrder(image: string): Promise<void> {
  const path = `${image}.order`
  try {
    if (isPageOrder((await readText(path)) ?? '')) await removeFile(path)
  } catch {
    // It is of no use, and no harm.
  }
}

async function removeOldest(directory: string): Promise<void> {
  const names = await readdir(directory)
  if (names.length <= KEPT) return
  const files = await Promise.all(
    names.map(async (name) => {
      const path = join(directory, name)
      return { path, mtimeMs: (await stat(path)).mtimeMs }
    }),
  )
  const oldest = files.toSorted((a, b) => a.mtimeMs - b.mtimeMs).slice(0, files.length - KEPT)
  for (const { path } of oldest) await removeFile(path)
}
