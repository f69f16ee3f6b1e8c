import type { OpenedImage } from '../opened-image.ts'
import { readAhead } from '../read-ahead.ts'
import type { SavedMachine } from '../saved-machine.ts'
import { checkStreamEnd } from '../stream-end.ts'

/** Reads libvirt's `raw` format: the body is QEMU's migration stream unchanged, at any offset (docs/format/libvirt-header.md). */
export function openRaw(image: OpenedImage): Promise<SavedMachine> {
  const { file, bodyOffset, fileLength, description } = image
  return Promise.resolve({
    path: file.path,
    format: 'raw',
    description,
    stream: {
      length: fileLength - bodyOffset,
      async *open(onRead) {
        await checkStreamEnd(file, bodyOffset, fileLength)
        for await (const piece of readAhead(file, bodyOffset, fileLength)) {
          yield piece
          onRead?.(piece.length)
        }
      },
    },
    [Symbol.asyncDispose]: () => file.close(),
  })
}
