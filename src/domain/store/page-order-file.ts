import type { PageRange, RamBlock } from '../../image/saved-machine.ts'
import { readText, writeText } from '../../io/text-file.ts'
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
  const text = await readText(orderPath(image)).catch(() => undefined)
  return parsePageOrder(text ?? '', machine, blocks)
}

/** Keeps the order for the next restore; gives why not, in words, where that is not possible. */
export async function writeOrder(
  image: string,
  machine: string,
  blocks: readonly RamBlock[],
  ranges: readonly PageRange[],
): Promise<string | undefined> {
  try {
    const text = formatPageOrder(machine, blocks, ranges)
    await writeText(orderPath(image), text, { durable: false })
    return undefined
  } catch (error) {
    return `the order of pages was not kept: ${String(error)}`
  }
}
