import { ImageError, StasisError } from '../../errors.ts'
import type { OpenedImage } from '../opened-image.ts'
import { readAhead } from '../read-ahead.ts'
import type { SavedMachine, SingleStream } from '../saved-machine.ts'
import { withCheckedEnd } from '../stream-end.ts'
import { PACKINGS, type PackedFormat } from './packing.ts'

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
        withCheckedEnd(
          file.path,
          explained(file.path, format, PACKINGS[format].unpack(read(onRead))),
        ),
    },
    [Symbol.asyncDispose]: () => file.close(),
  })
}

/** Attributes a decompression failure to the image. */
async function* explained(
  path: string,
  format: PackedFormat,
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* pieces
  } catch (cause) {
    if (cause instanceof StasisError) throw cause
    const cut = /\bends?\b/i.test(String(cause))
    throw new ImageError(
      cut ? 'IMAGE_TRUNCATED' : 'IMAGE_CORRUPT',
      cut
        ? `${path} is cut: its ${format} data have no end`
        : `${path} is damaged: its ${format} data cannot be decompressed`,
      {
        path,
        hint: 'Fetch the file again from where it was copied, or restore an older image',
        cause,
      },
    )
  }
}
