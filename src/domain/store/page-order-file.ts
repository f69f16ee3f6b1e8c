import type { PageRange, RamBlock } from '../../image/saved-machine.ts'
import { readText, writeText } from '../../io/text-file.ts'
import { formatPageOrder, parsePageOrder } from '../../transfer/page-server/page-order.ts'

/** The file with the order in which a guest requested the pages of an image. */
export function orderPath(image: string): string {
  return `${image}.order`
}

/** The order of an earlier restore; empty when there is none for this machine, or it cannot be read, because it only improves speed. */
export async function readOrder(
  image: string,
  machine: string,
  blocks: readonly RamBlock[],
): Promise<readonly PageRange[]> {
  const text = await readText(orderPath(image)).catch(() => undefined)
  return parsePageOrder(text ?? '', machine, blocks)
}

/** Stores the order for the next restore; where that is not possible, returns the reason in words. */
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
    return `could not record the order of pages: ${String(error)}`
  }
}
