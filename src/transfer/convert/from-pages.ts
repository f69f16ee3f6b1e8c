import type { PageStore } from '../../image/saved-machine.ts'
import type { DeviceState } from '../../wire/device-state.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
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
    const { block, firstPage } = pages.range(frame)
    const bytes = await pages.read(frame, reader)
    for (let at = 0; at < bytes.length; at += MAX_ADD_LENGTH) {
      const part = bytes.subarray(at, at + MAX_ADD_LENGTH)
      await sink.add(block, firstPage + at / PAGE_SIZE, part)
    }
    options.onRead(pages.storedLength(frame))
  }
  const share = { workers: options.workers, operation: 'read the image', signal: options.signal }
  await shareGroups(pages, share, async (group, reader) => {
    await pages.prefetch(group, reader)
    for (const frame of group) await pass(frame, reader)
  })
  return state
}
