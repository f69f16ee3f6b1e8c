import type { DirectFile } from '../io/files/direct-file.ts'
import { MAGIC_PARTIAL } from './header.ts'

/** Gives an image on a block device, which cannot be removed, the magic of one that was never completed. @throws StorageError */
export async function markIncomplete(file: DirectFile): Promise<void> {
  await file.write(Buffer.from(MAGIC_PARTIAL, 'latin1'), 0)
  await file.sync()
}
