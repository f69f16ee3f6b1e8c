import type { ImageError } from '../errors.ts'
import type { DirectFile } from '../io/files/direct-file.ts'
import { endOfSections } from '../wire/end-of-sections.ts'
import { SECTION } from '../wire/stream-constants.ts'
import { imageTruncated } from './image-fault.ts'

/** Longer than the device description of any machine. */
const MAX_TAIL = 8 * 1024 * 1024

const BRACE = 0x7d

/**
 * Checks that a stream in a file ends as QEMU ends one: with the end mark, and optionally the description of the devices. QEMU itself does not notice
 * a truncated description.
 * @throws ImageError IMAGE_TRUNCATED, StorageError
 */
export async function checkStreamEnd(file: DirectFile, start: number, end: number): Promise<void> {
  // Most images are valid, and their description is a few hundred KiB at most.
  for (const length of [512 * 1024, MAX_TAIL]) {
    const tail = Buffer.alloc(Math.min(length, end - start))
    await file.read(tail, end - tail.length)
    if (endsWhole(tail)) return
  }
  throw cutStream(file.path, end)
}

/** Without a description the end mark follows the footer of a section: five bytes that begin with a mark of their own. */
function endsWhole(tail: Buffer): boolean {
  const end = endOfSections(tail)
  return end !== undefined && (end < tail.length - 1 || tail[end - 5] === SECTION.FOOTER)
}

/** Passes a stream on, and checks by its last byte that it is complete. @throws ImageError IMAGE_TRUNCATED */
export async function* withCheckedEnd(
  path: string,
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let last: number | undefined
  for await (const piece of pieces) {
    last = piece.at(-1) ?? last
    yield piece
  }
  if (last !== 0 && last !== BRACE) throw cutStream(path, undefined)
}

function cutStream(path: string, offset: number | undefined): ImageError {
  const what = 'its machine state does not end as QEMU ends one'
  return imageTruncated(path, what, { offset })
}
