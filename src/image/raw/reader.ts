import { digestCheck } from '../digest/check-digest.ts'
import type { OpenedImage } from '../opened-image.ts'
import { readAhead } from '../read-ahead.ts'
import type { SavedMachine } from '../saved-machine.ts'
import { checkStreamEnd } from '../stream-end.ts'

/** Reads libvirt's `raw` format: the body is QEMU's migration stream unchanged, at any offset (docs/format/libvirt-header.md). */
export function openRaw(image: OpenedImage): Promise<SavedMachine> {
  const { file, bodyOffset, fileLength, description, options, digest } = image
  const check = digestCheck(file.path, digest, options.onFault)
  return Promise.resolve({
    path: file.path,
    format: 'raw',
    description,
    digest,
    stream: {
      length: fileLength - bodyOffset,
      offset: bodyOffset,
      checkEnd: () => checkStreamEnd(file, bodyOffset, fileLength),
      async *open(onRead) {
        // A search for all damage reads everything first.
        if (options.onFault === undefined) await checkStreamEnd(file, bodyOffset, fileLength)
        for await (const piece of readAhead(file, bodyOffset, fileLength, check)) {
          yield piece
          onRead?.(piece.length)
        }
      },
    },
    [Symbol.asyncDispose]: () => file.close(),
  })
}
