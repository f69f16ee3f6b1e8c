import { StasisError } from '../../errors.ts'
import { DirectFile } from '../../io/files/direct-file.ts'
import { placeOf } from '../../io/files/file-place.ts'
import { digestPath, newDigestPath } from './digest-path.ts'
import { type ImageDigest, parseDigest } from './layout.ts'

/** The digest beside an image. `foreign`: it was made of another image, or of other content; `damaged`: it cannot be read or understood. */
export type FoundDigest =
  | { readonly state: 'none' }
  | { readonly state: 'fits'; readonly path: string; readonly digest: ImageDigest }
  | { readonly state: 'foreign' | 'damaged'; readonly path: string }

/** The facts by which a digest is known to belong to an image. */
export type DigestIdentity = Pick<ImageDigest, 'imageId' | 'format' | 'bodyOffset' | 'fileLength'>

/** The digest of 8 TiB. */
const MAX_LENGTH: number = 512 * 1024 * 1024

/** Finds the digest beside an image. */
export async function findDigest(path: string, image: DigestIdentity): Promise<FoundDigest> {
  const place = await placeOf(path).catch(() => path)
  let found: FoundDigest = { state: 'none' }
  for (const name of [digestPath(place), newDigestPath(place, image.imageId)]) {
    const one = await examine(name, image)
    if (one.state === 'fits') return one
    if (found.state === 'none') found = one
  }
  return found
}

async function examine(path: string, image: DigestIdentity): Promise<FoundDigest> {
  let digest: ImageDigest | undefined
  try {
    await using file = await DirectFile.open(path, 'read', { direct: false })
    const bytes = Buffer.alloc(Math.min(MAX_LENGTH, await file.size()))
    digest = parseDigest(bytes.subarray(0, await file.read(bytes, 0)))
  } catch (error) {
    const { code } = ((error as StasisError).cause ?? {}) as NodeJS.ErrnoException
    const isAbsent = StasisError.is(error, 'FILE_NOT_FOUND') || code === 'ENAMETOOLONG'
    return isAbsent ? { state: 'none' } : { state: 'damaged', path }
  }
  if (digest === undefined) return { state: 'damaged', path }
  const isSame =
    digest.imageId === image.imageId &&
    digest.format === image.format &&
    digest.bodyOffset === image.bodyOffset
  // A shorter image with the same id has lost its end: that is damage, and its chunks show it.
  return isSame && digest.fileLength >= image.fileLength
    ? { state: 'fits', path, digest }
    : { state: 'foreign', path }
}
