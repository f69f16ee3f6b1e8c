import { ImageError } from '../errors.ts'
import { openImage } from '../image/open-image.ts'
import type { DeviceState, PageRange, PageStore } from '../image/saved-machine.ts'
import { machineKey } from './machine-key.ts'
import { readOrder } from './page-order-file.ts'

/** An image whose pages are brought to a guest that runs. */
export interface ServedImage extends AsyncDisposable {
  /** Says of two images whether they are of the same machine at the same moment. */
  readonly machine: string
  readonly pages: PageStore
  readonly state: DeviceState
  /** What an earlier guest asked for, in that order. */
  readonly order: readonly PageRange[]
}

/**
 * Opens an image to serve its pages; with `machine`, for a guest that runs from it already.
 * @throws ImageError, IMAGE_INCOMPATIBLE when it is of another machine; StorageError
 */
export async function openServed(
  path: string,
  options: { readonly direct: boolean; readonly machine?: string | undefined },
): Promise<ServedImage> {
  const image = await openImage(path, options)
  try {
    const { pages } = image
    const state = await image.deviceState?.()
    if (pages === undefined || state === undefined) throw another(path)
    const machine = machineKey(state)
    if (options.machine !== undefined && machine !== options.machine) throw another(path)
    const order = await readOrder(path, machine, pages.blocks)
    const close = (): PromiseLike<void> => image[Symbol.asyncDispose]()
    return { machine, pages, state, order, [Symbol.asyncDispose]: close }
  } catch (error) {
    await image[Symbol.asyncDispose]()
    throw error
  }
}

function another(path: string): ImageError {
  return new ImageError('IMAGE_INCOMPATIBLE', `${path} is not the image any more that runs`, {
    path,
    hint: 'Put the image back: the guest waits for the rest of its memory',
  })
}
