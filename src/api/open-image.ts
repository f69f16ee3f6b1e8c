import { checkOptions } from '../domain/store/check-options.ts'
import { openImage as open, readDescription as read } from '../image/open-image.ts'
import { type FilePath, givenPath } from '../io/files/given-path.ts'
import type { MachineDescription, SavedMachine } from '../image/saved-machine.ts'

/** Options for opening an image. */
export interface OpenImageOptions {
  /** Read past the page cache. Default: only for `stasis`. */
  readonly bypassCache?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Opens a save image of any format. Checks everything that can be checked without reading the memory. The machine keeps the file open until it is disposed.
 * @throws ImageError naming file and offset, StorageError, CancelledError
 * @example
 * await using saved = await openImage('/backup/web.save')
 * for (const block of saved.pages?.blocks ?? []) console.log(block.name, block.length)
 */
export async function openImage(
  path: FilePath,
  options: OpenImageOptions = {},
): Promise<SavedMachine> {
  checkOptions(options)
  const { bypassCache, signal } = options
  return open(givenPath(path, 'the image'), { direct: bypassCache, signal })
}

/**
 * Reads the description of the machine in an image: domain XML, cookie, whether the guest was running. Works for every format that libvirt or Stasis writes, even
 * where the memory cannot be restored here.
 * @throws ImageError, StorageError
 * @example
 * const { xml } = await readDescription('/backup/web.save')
 */
export async function readDescription(path: FilePath): Promise<MachineDescription> {
  return read(givenPath(path, 'the image'))
}
