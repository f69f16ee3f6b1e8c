import { FORMATS } from '../../image/format-table.ts'
import { imageSize } from '../../image/image-size.ts'
import { readImageHead } from '../../image/opened-image.ts'
import { LoadThreads, WORTH_BYTES } from '../../transfer/image-senders/load-threads.ts'

/**
 * Starts the threads that will load an image, so that they are ready when it is open and the machine is planned. `undefined` for an image that needs
 * none or that cannot be read, which opening it will report.
 */
export async function startThreads(
  path: string,
  readers: number,
): Promise<LoadThreads | undefined> {
  try {
    const { header, fileLength } = await readImageHead(path)
    const { checksummedPages } = FORMATS[header.format].traits
    if (!header.complete || !checksummedPages || fileLength < WORTH_BYTES) return undefined
    // A file is as long as the memory of the guest, and has holes where that is zero.
    const { allocatedBytes } = await imageSize(path, header.format, 0, fileLength)
    return allocatedBytes < WORTH_BYTES ? undefined : new LoadThreads(readers)
  } catch {
    return undefined
  }
}
