import { throwIfCancelled } from '../../errors.ts'
import type { SingleStream } from '../../image/saved-machine.ts'
import type { DeviceState } from '../../wire/device-state.ts'
import { MainStreamParser } from '../../wire/main-stream.ts'
import type { MachineWriter } from './machine-writer.ts'
import { MAX_PUT_LENGTH, PageBatches } from './page-batches.ts'
import { type CopyOptions, isLeftOut } from './copy-options.ts'

/** Parses a single stream and passes its pages to a writer. @throws WireError, ImageError, StorageError, CancelledError */
export async function copyStream(
  path: string,
  stream: SingleStream,
  sink: MachineWriter,
  options: CopyOptions,
): Promise<DeviceState> {
  const batches = new PageBatches(path, sink)
  const parser = new MainStreamParser({
    blocks: (blocks) => batches.begin({ ...parser.start, blocks: [...blocks] }),
    zeroPages: (block, first, count) => batches.zeros(block, first, count),
    page(block, page, bytes) {
      if (!isLeftOut(options, block, page)) batches.put(block, page, bytes)
    },
  })
  try {
    for await (const piece of stream.open(options.onRead)) {
      throwIfCancelled(`read ${path}`, options.signal)
      for (let at = 0; at < piece.length; at += MAX_PUT_LENGTH) {
        await batches.room()
        parser.feed(piece.subarray(at, at + MAX_PUT_LENGTH))
      }
    }
    const state = parser.finish()
    await batches.drain()
    return state
  } finally {
    await batches.idle()
  }
}
