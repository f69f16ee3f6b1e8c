import { StasisError } from '../../errors.ts'
import { imageDamaged, imageTruncated } from '../image-fault.ts'
import type { OpenedImage } from '../opened-image.ts'
import { readAhead } from '../read-ahead.ts'
import type { SavedMachine, SingleStream } from '../saved-machine.ts'
import { withCheckedEnd } from '../stream-end.ts'
import { PACKINGS, type PackedFormat } from './packing.ts'
import { END_LENGTH, lacksEnd } from './stream-end.ts'
import { UnexpectedEnd } from './unexpected-end.ts'

/** Reads libvirt's compressed formats: QEMU's stream as a tool compressed it, in one piece or several (docs/format/libvirt-header.md). */
export function openPacked(image: OpenedImage): Promise<SavedMachine> {
  const { file, bodyOffset, fileLength, description } = image
  const format = image.header.format as PackedFormat
  const read: SingleStream['open'] = async function* (onRead) {
    for await (const piece of readAhead(file, bodyOffset, fileLength)) {
      onRead?.(piece.length)
      yield piece
    }
  }
  return Promise.resolve({
    path: file.path,
    format,
    description,
    stream: {
      length: fileLength - bodyOffset,
      checked: true,
      open: (onRead) =>
        withCheckedEnd(file.path, explained(image, format, PACKINGS[format].unpack(read(onRead)))),
    },
    [Symbol.asyncDispose]: () => file.close(),
  })
}

/** Attributes a decompression failure to the image. */
async function* explained(
  image: OpenedImage,
  format: PackedFormat,
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* pieces
  } catch (cause) {
    if (cause instanceof StasisError) throw cause
    const { path } = image.file
    throw (await isTruncated(image, format, cause))
      ? imageTruncated(path, `its ${format} data have no end`, { cause })
      : imageDamaged(path, `its ${format} data cannot be decompressed`, { cause })
  }
}

async function isTruncated(
  { file, bodyOffset, fileLength }: OpenedImage,
  format: PackedFormat,
  cause: unknown,
): Promise<boolean> {
  if (cause instanceof UnexpectedEnd) return true
  // Of `node:zlib`, for zstd too: the input ended before the data did.
  if ((cause as NodeJS.ErrnoException).code === 'Z_BUF_ERROR') return true
  const [first, last] = [Buffer.alloc(END_LENGTH), Buffer.alloc(END_LENGTH)]
  await file.read(first, bodyOffset)
  await file.read(last, Math.max(bodyOffset, fileLength - END_LENGTH))
  return lacksEnd(format, first, last)
}
