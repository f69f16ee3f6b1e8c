import { ImageError } from '../../errors.ts'
import { openImage } from '../../image/open-image.ts'
import type { PageRange, PageStore, SavedMachine } from '../../image/saved-machine.ts'
import type { DeviceState } from '../../wire/device-state.ts'
import { stateDigest } from '../machine/state-digest.ts'
import { readOrder } from '../store/page-order-file.ts'

/** The parts of an image that a page server needs; valid as long as the image is open. */
export interface ServedImage {
  /** Equal for two images of the same machine at the same moment. */
  readonly machine: string
  readonly pages: PageStore
  readonly state: DeviceState
  /** The pages that an earlier guest requested, in that order. */
  readonly order: readonly PageRange[]
}

/** @throws ImageError, IMAGE_INCOMPATIBLE when its pages cannot be read one by one; StorageError */
export async function servedImage(
  image: SavedMachine,
  orderPath: string | undefined,
): Promise<ServedImage> {
  const { path, pages } = image
  const state = await image.deviceState?.()
  if (pages === undefined || state === undefined) throw another(path)
  const machine = stateDigest(state)
  const order = orderPath === undefined ? [] : await readOrder(orderPath, machine, pages.blocks)
  return { machine, pages, state, order }
}

/**
 * Opens an image for a guest that already runs from it.
 * @throws ImageError, IMAGE_INCOMPATIBLE when it belongs to another machine; StorageError
 */
export async function openServed(
  path: string,
  options: {
    readonly direct?: boolean | undefined
    readonly machine: string
    readonly orderPath?: string | undefined
  },
): Promise<ServedImage & AsyncDisposable> {
  const image = await openImage(path, options)
  try {
    const served = await servedImage(image, options.orderPath)
    if (served.machine !== options.machine) throw another(path)
    return { ...served, [Symbol.asyncDispose]: async () => image[Symbol.asyncDispose]() }
  } catch (error) {
    await image[Symbol.asyncDispose]()
    throw error
  }
}

function another(path: string): ImageError {
  return new ImageError(
    'IMAGE_INCOMPATIBLE',
    `${path} is no longer the image from which this guest was restored`,
    {
      path,
      hint: 'Put that image back: the guest still needs memory from it',
    },
  )
}
