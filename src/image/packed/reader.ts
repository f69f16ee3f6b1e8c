import { StasisError } from '../../errors.ts'
import { imageDamaged, imageTruncated } from '../image-fault.ts'
import { digestCheck } from '../digest/check-digest.ts'
import type { ImageReader, OpenedImage } from '../opened-image.ts'
import { readAhead } from '../read-ahead.ts'
import type { Packing } from '../save-format.ts'
import type { SingleStream } from '../saved-machine.ts'
import { withCheckedEnd } from '../stream-end.ts'
import { PACKINGS } from './packing.ts'
import { END_LENGTH, lacksEnd } from './stream-end.ts'
import { UnexpectedEnd } from './unexpected-end.ts'

/** Reads libvirt's compressed formats: QEMU's stream as a tool compressed it, in one piece or several (docs/format/libvirt-header.md). */
export function openPacked(packing: Packing): ImageReader {
  return (image) => {
    const { file, bodyOffset, fileLength, description, digest, options } = image
    const check = digestCheck(file.path, digest, options.onFault)
    const read: SingleStream['open'] = async function* (onRead) {
      for await (const piece of readAhead(file, bodyOffset, fileLength, check)) {
        onRead?.(piece.length)
        yield piece
      }
    }
    return Promise.resolve({
      path: file.path,
      format: packing,
      description,
      digest,
      stream: {
        length: fileLength - bodyOffset,
        checked: true,
        stored: read,
        open: (onRead) =>
          withCheckedEnd(
            file.path,
            explained(image, packing, PACKINGS[packing].unpack(read(onRead))),
          ),
      },
      [Symbol.asyncDispose]: () => file.close(),
    })
  }
}

/** Attributes a decompression failure to the image. */
async function* explained(
  image: OpenedImage,
  packing: Packing,
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* pieces
  } catch (cause) {
    if (cause instanceof StasisError) throw cause
    const { path } = image.file
    throw (await isTruncated(image, packing, cause))
      ? imageTruncated(path, `its ${packing} data have no end`, { cause })
      : imageDamaged(path, `its ${packing} data cannot be decompressed`, { cause })
  }
}

async function isTruncated(
  { file, bodyOffset, fileLength }: OpenedImage,
  packing: Packing,
  cause: unknown,
): Promise<boolean> {
  if (cause instanceof UnexpectedEnd) return true
  // An error of `node:zlib`, for zstd too: the input ended before the data did.
  if ((cause as NodeJS.ErrnoException).code === 'Z_BUF_ERROR') return true
  const [first, last] = [Buffer.alloc(END_LENGTH), Buffer.alloc(END_LENGTH)]
  await file.read(first, bodyOffset)
  await file.read(last, Math.max(bodyOffset, fileLength - END_LENGTH))
  return lacksEnd(packing, first, last)
}
