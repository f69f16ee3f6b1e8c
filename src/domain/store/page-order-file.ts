import { readFile, rename, writeFile } from 'node:fs/promises'
import type { PageRange, RamBlock } from '../../image/saved-machine.ts'
import { formatPageOrder, parsePageOrder } from '../../transfer/page-server/page-order.ts'

/** Where the order lies in which a guest asked for the pages of an image. */
export function orderPath(image: string): string {
  return `${image}.order`
}

/** The order of an earlier restore; empty when there is none of this machine, or it cannot be read: it only makes things faster. */
export async function readOrder(
  image: string,
  machine: string,
  blocks: readonly RamBlock[],
): Promise<readonly PageRange[]> {
  const text = await readFile(orderPath(image), 'utf8').catch(() => '')
  return parsePageOrder(text, machine, blocks)
}

/** Keeps the order for the next restore; gives why not, in words, where that is not possible. */
export async function writeOrder(
  image: string,
  machine: string,
  blocks: readonly RamBlock[],
  ranges: readonly PageRange[],
): Promise<string | undefined> {
  const path = orderPath(image)
  const draft = `${path}.${process.pid}`
  try {
    await writeFile(draft, formatPageOrder(machine, blocks, ranges), { mode: 0o600 })
    await rename(draft, path)
    return undefined
  } catch (error) {
    return `the order of pages was not kept: ${String(error)}`
  }
}
