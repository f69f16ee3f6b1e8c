import { ImageError } from '../../errors.ts'
import { openImage } from '../../image/open-image.ts'
import type { PageRange, PageStore, SavedMachine } from '../../image/saved-machine.ts'
import type { DeviceState } from '../../wire/device-state.ts'
import { stateDigest } from '../machine/state-digest.ts'
import type { PostcopyRecord } from '../store/postcopy-record.ts'
import { readOrder } from '../store/saves/page-order-file.ts'

/** The parts of an image that a page server needs; valid as long as the image is open. */
export interface ServedImage {
  readonly path: string
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
  return { path, machine, pages, state, order }
}

/**
 * Opens the image of a restore by the first of its names that leads to it: that in the record, the second one that we made, the descriptor that this
 * process inherited.
 * @throws ImageError, StorageError: that of the first name
 */
export async function openRecorded(
  record: PostcopyRecord,
  inheritedFd: number | undefined,
): Promise<ServedImage & AsyncDisposable> {
  const { image, kept } = record
  const inherited = inheritedFd === undefined ? undefined : `/proc/self/fd/${inheritedFd}`
  const others = [kept, inherited].filter((path) => path !== undefined)
  try {
    return await openServed(image, record)
  } catch (error) {
    for (const path of others) {
      const opened = await openServed(path, record).catch(() => undefined)
      if (opened !== undefined) return opened
    }
    throw error
  }
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
