import { ImageError } from '../../errors.ts'
import type { PageStore } from '../../image/saved-machine.ts'
import { shareGroups } from '../share-groups.ts'
import type { MemoryDamage } from './damage.ts'
import type { ReadingOptions } from './reading.ts'
import { countContent } from './zero-pages.ts'

/**
 * Reads all frames of an image some of whose pages are in other files. Adds the pages with content to `contentPages`, by block. Returns the damage, ordered by block and
 * page; each with the file that is damaged.
 * @throws StorageError, CancelledError
 */
export async function readLayered(
  path: string,
  pages: PageStore,
  contentPages: number[],
  { workers, signal, onRead }: ReadingOptions & { readonly workers: number },
): Promise<readonly MemoryDamage[]> {
  const found: MemoryDamage[] = []
  const share = { workers, operation: `read ${path}`, signal }
  await shareGroups(pages, share, async (group, reader) => {
    for (const frame of group) {
      const range = pages.range(frame)
      const length = pages.storedLength(frame)
      onRead(length)
      try {
        const count = countContent(await pages.read(frame, reader))
        contentPages[range.block] = (contentPages[range.block] ?? 0) + count
      } catch (error) {
        if (!(error instanceof ImageError)) throw error
        const kind = error.code === 'IMAGE_TRUNCATED' ? 'truncated' : 'checksum'
        const { path: file = path, offset } = error
        found.push({ ...range, kind, storedAs: 'raw', file, offset, length })
      }
    }
  })
  return found.toSorted((a, b) => a.block - b.block || a.firstPage - b.firstPage)
}
