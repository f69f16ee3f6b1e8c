import { chmod } from 'node:fs/promises'
import { PartialFile } from '../files/partial-file.ts'

/** How to write a small file. */
export interface WriteOptions {
  /** Whether it must survive a crash of the host. A file that is useful only as long as a process lives need not. */
  readonly durable: boolean
  /** Default 0600. */
  readonly mode?: number
}

/** Writes a small file; readers see the whole old content or the whole new one. @throws StorageError */
export async function writeBytes(
  path: string,
  bytes: Uint8Array,
  { durable, mode }: WriteOptions,
): Promise<void> {
  await using partial = await PartialFile.create(path, { direct: false })
  await partial.file.write(bytes, 0)
  if (mode !== undefined) await chmod(partial.file.path, mode)
  await (durable ? partial.publish() : partial.place())
}
