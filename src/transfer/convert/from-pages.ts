import { throwIfCancelled } from '../../errors.ts'
import type { PageStore } from '../../image/saved-machine.ts'
import type { DeviceState } from '../../wire/device-state.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { MAX_ADD_LENGTH, type MachineWriter } from './machine-writer.ts'
import type { CopyOptions } from './copy-options.ts'

/** How much of the image one worker takes at once. */
const GROUP_LENGTH = 2 * 1024 * 1024

/** Copies pages with random access to a writer, with several workers in the order of the file. */
export async function copyPages(
  pages: PageStore,
  state: DeviceState,
  sink: MachineWriter,
  options: CopyOptions,
): Promise<DeviceState> {
  const { head, ramSection } = state
  await sink.begin({ head, ramSection, blocks: pages.blocks })
  // All workers share one generator; the first that leaves its loop early closes it for the others.
  const groups = pages.groups(GROUP_LENGTH)
  const work = async (reader: number): Promise<void> => {
    for (const group of groups) {
      throwIfCancelled('read the image', options.signal)
      await pages.prefetch(group, reader)
      for (const frame of group) await pass(frame, reader)
    }
  }
  const pass = async (frame: number, reader: number): Promise<void> => {
    const { block, firstPage } = pages.range(frame)
    const bytes = await pages.read(frame, reader)
    for (let at = 0; at < bytes.length; at += MAX_ADD_LENGTH) {
      const part = bytes.subarray(at, at + MAX_ADD_LENGTH)
      await sink.add(block, firstPage + at / PAGE_SIZE, part)
    }
    options.onRead(pages.storedLength(frame))
  }
  const workers = Array.from({ length: options.workers }, (_, reader) => work(reader))
  for (const result of await Promise.allSettled(workers))
    if (result.status === 'rejected') throw result.reason
  return state
}
