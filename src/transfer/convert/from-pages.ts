import type { PageSpan, PageStore } from '../../image/saved-machine.ts'
import type { DeviceState } from '../../wire/device-state.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import type { PageBitmap } from '../page-bitmap.ts'
import { shareGroups } from '../share-groups.ts'
import { MAX_ADD_LENGTH, type MachineWriter } from './machine-writer.ts'
import type { CopyOptions } from './copy-options.ts'

/** Copies pages with random access to a writer, with several workers in the order of the file. */
export async function copyPages(
  pages: PageStore,
  state: DeviceState,
  sink: MachineWriter,
  options: CopyOptions,
): Promise<DeviceState> {
  const { head, ramSection } = state
  await sink.begin({ head, ramSection, blocks: pages.blocks })
  const pass = async (frame: number, reader: number): Promise<void> => {
    const { block, firstPage, pageCount } = pages.range(frame)
    const kept = [...keptRuns(firstPage, pageCount, options.salvage?.damaged[block])]
    // A frame that is damaged as a whole cannot be read.
    const bytes = kept.length === 0 ? undefined : await pages.read(frame, reader)
    for (const run of kept) {
      const start = (run.firstPage - firstPage) * PAGE_SIZE
      const end = start + run.pageCount * PAGE_SIZE
      for (let at = start; at < end; at += MAX_ADD_LENGTH) {
        const part = bytes?.subarray(at, Math.min(end, at + MAX_ADD_LENGTH)) as Uint8Array
        await sink.add(block, firstPage + at / PAGE_SIZE, part)
      }
    }
    options.onRead(pages.storedLength(frame))
  }
  const share = { workers: options.workers, operation: 'read the image', signal: options.signal }
  await shareGroups(pages, share, async (group, reader) => {
    // Part of a group of a damaged image may be unreadable.
    if (options.salvage === undefined) await pages.prefetch(group, reader)
    for (const frame of group) await pass(frame, reader)
  })
  return state
}

/** The pages of a frame that are not left out. */
function* keptRuns(
  firstPage: number,
  pageCount: number,
  damaged: PageBitmap | undefined,
): Generator<PageSpan, void> {
  const end = firstPage + pageCount
  for (let page = firstPage; page < end;) {
    const start = damaged?.next(page, end, false) ?? page
    if (start >= end) return
    page = damaged?.next(start, end, true) ?? end
    yield { firstPage: start, pageCount: page - start }
  }
}
