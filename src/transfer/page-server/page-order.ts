import type { PageRange, RamBlock } from '../../image/saved-machine.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'

const TITLE = 'stasis page order 1'

/** More would be useless: by then the guest reads pages at random, and they arrive anyway. */
const MAX_RANGES = 16384

/**
 * Formats the order in which a guest requested its pages (docs/instant-restore.md): a title, a line that identifies the machine, then a line for each
 * range: first page, number of pages, name of the block.
 */
export function formatPageOrder(
  machine: string,
  blocks: readonly RamBlock[],
  ranges: readonly PageRange[],
): string {
  const lines = withoutRepetition(ranges)
    .slice(0, MAX_RANGES)
    .map(({ block, firstPage, pageCount }) => `${firstPage} ${pageCount} ${blocks[block]?.name}`)
  return `${[TITLE, machine, ...lines].join('\n')}\n`
}

/** Parses an order; empty when it belongs to another machine or is not valid, because it only improves speed. */
export function parsePageOrder(
  text: string,
  machine: string,
  blocks: readonly RamBlock[],
): readonly PageRange[] {
  const [title, of, ...lines] = text.split('\n')
  if (title !== TITLE || of !== machine) return []
  const blockOf = new Map(blocks.map(({ name }, block) => [name, block]))
  return lines.slice(0, MAX_RANGES).flatMap((line) => {
    const [, first, count, name = ''] = /^(\d{1,10}) (\d{1,5}) (.+)$/.exec(line) ?? []
    const block = blockOf.get(name)
    const [firstPage, pageCount] = [Number(first), Number(count)]
    const pages = (blocks[block ?? -1]?.length ?? 0) / PAGE_SIZE
    if (block === undefined || pageCount === 0 || firstPage + pageCount > pages) return []
    return [{ block, firstPage, pageCount }]
  })
}

/** Whether a text is an order, of whatever machine. */
export function isPageOrder(text: string): boolean {
  return text.startsWith(`${TITLE}\n`)
}

function withoutRepetition(ranges: readonly PageRange[]): readonly PageRange[] {
  const seen = new Set<string>()
  return ranges.filter(({ block, firstPage }) => {
    const key = `${block} ${firstPage}`
    return seen.has(key) ? false : seen.add(key)
  })
}
