import type { Stats } from 'node:fs'
import { lstat, realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { ImageError, StasisError } from '../../errors.ts'
import { storageError } from '../../io/storage-error.ts'
import { type OpenedImage, openImageFile } from '../opened-image.ts'
import type { BaseReference } from './base-reference.ts'

/** The most images that one image needs, those that its bases need among them. Also ends a circle. */
const MAX_BASES = 32

/** An image that needs another. */
export interface NeedsBase {
  /** The place of the image that needs it. */
  readonly path: string
  readonly base: BaseReference
  /** How many images need this one already. */
  readonly depth: number
}

/**
 * Opens the base of an image: the file of the same name in the directory beside that of the image. Never follows a symbolic link from there.
 * @throws ImageError IMAGE_BASE_MISSING, and as `openImageFile`; StorageError
 */
export async function openBase(
  { path, base, depth }: NeedsBase,
  options: OpenedImage['options'],
): Promise<OpenedImage> {
  const place = await placeOfBase(path, base)
  const missing = (what: string): ImageError => baseMissing(path, place, what)
  if (depth >= MAX_BASES) throw missing(`more than ${MAX_BASES} images need each other`)
  const [directory, file] = await Promise.all([dirname(place), place].map(factsOf))
  if (directory === undefined || file === undefined) throw missing('that does not exist')
  if (!directory.isDirectory() || !file.isFile()) throw missing('that is not a regular file')
  const opened = await openImageFile(place, options).catch((error: unknown) => {
    if (!StasisError.is(error, 'NOT_AN_IMAGE') && !StasisError.is(error, 'IMAGE_INCOMPLETE'))
      throw error
    throw missing('that is not a complete save image').with({ cause: error })
  })
  const isSame = opened.header.format === 'stasis' && opened.description.id === base.imageId
  if (isSame) return opened
  await opened.file.close()
  throw missing('but another image is there')
}

/** The error for pages that a base should have. */
export function baseMissing(path: string, place: string, what: string): ImageError {
  return new ImageError(
    'IMAGE_BASE_MISSING',
    `${path} has only the pages that differ from ${place}, ${what}`,
    {
      path,
      hint: `Put the image of that checkpoint back. Nothing else has these pages of the memory`,
    },
  )
}

async function placeOfBase(path: string, { name }: BaseReference): Promise<string> {
  const real = await realpath(path).catch((error: unknown) => {
    throw storageError('find the image', path, error)
  })
  return join(dirname(dirname(real)), name, basename(real))
}

function factsOf(path: string): Promise<Stats | undefined> {
  return lstat(path).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw storageError('find the base of an image', path, error)
  })
}
