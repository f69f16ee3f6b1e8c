import type { PageRange, RamBlock } from '../../image/saved-machine.ts'

const TITLE = 'stasis page order 1'

/** More is of no use: by then the guest reads at random what comes anyway. */
const MAX_RANGES = 16384

/**
 * Writes down in which order a guest asked for its pages (docs/instant-restore.md): a title, a line that says of which machine,
 * then a line for each range: first page, number of pages, name of the block.
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

/** Reads an order; empty when it is of another machine, or no order at all: it only makes things faster. */
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
    if (block === undefined || Number(count) === 0) return []
    return [{ block, firstPage: Number(first), pageCount: Number(count) }]
  })
}

function withoutRepetition(ranges: readonly PageRange[]): readonly PageRange[] {
  const met = new Set<string>()
  return ranges.filter(({ block, firstPage }) => {
    const key = `${block} ${firstPage}`
    return met.has(key) ? false : met.add(key)
  })
}
