import { createHash, randomBytes } from 'node:crypto'
import type { DirectFile } from '../io/files/direct-file.ts'

/** Length of an image's id in bytes. */
const ID_LENGTH = 16

/** How much of each end of a body `contentId` reads. */
const SAMPLE_LENGTH = 65536

/** A new id for an image, 32 hexadecimal digits. */
export function newImageId(): string {
  return randomBytes(ID_LENGTH).toString('hex')
}

/** The id in the header's spare words; `undefined` when they are zero, as in the images of libvirt and of Stasis before it had ids. */
export function parseImageId(bytes: Uint8Array): string | undefined {
  const words = bytes.subarray(0, ID_LENGTH)
  return words.every((byte) => byte === 0) ? undefined : Buffer.from(words).toString('hex')
}

/** The bytes of an id. */
export function imageIdBytes(id: string): Uint8Array {
  return Buffer.from(id, 'hex')
}

/**
 * An id for an image whose header has none: a digest of the length of its body and of both ends of it. An edit of the description changes none of
 * these, and two saves differ in them: clocks and registers are in the device state, which is at the end, in `sparse` at the beginning.
 * @throws StorageError
 */
export async function contentId(
  file: DirectFile,
  bodyOffset: number,
  fileLength: number,
): Promise<string> {
  const hash = createHash('sha256').update(String(fileLength - bodyOffset))
  const length = Math.min(SAMPLE_LENGTH, fileLength - bodyOffset)
  const sample = Buffer.alloc(length)
  for (const offset of [bodyOffset, fileLength - length])
    hash.update(sample.subarray(0, await file.read(sample, offset)))
  return hash.digest('hex').slice(0, ID_LENGTH * 2)
}
