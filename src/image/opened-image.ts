import { fstatSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { ImageError, throwIfCancelled } from '../errors.ts'
import { storageError } from '../io/storage-error.ts'
import { DirectFile } from '../io/files/direct-file.ts'
import { parseDescriptionArea } from './description-area.ts'
import { type FoundDigest, findDigest } from './digest/find-digest.ts'
import { FORMATS } from './format-table.ts'
import { HEADER_LENGTH, type SaveImageHeader, parseHeader } from './header.ts'
import { imageDamaged, imageTruncated } from './image-fault.ts'
import { contentId } from './image-id.ts'
import type { PendingEdit } from './pending-edit.ts'
import type { MachineDescription, SavedMachine } from './saved-machine.ts'
import { recoverEdit } from './recover-edit.ts'

/** Options for opening an image. */
export interface OpenImageOptions {
  /** Bypass the page cache. Default: as suits the format, which is only `stasis`. */
  readonly direct?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  /** Receives faults that leave the rest of the image readable, instead of throwing them: for a search for all damage. */
  readonly onFault?: ((fault: ImageError) => void) | undefined
}

/** An image whose header and description were read and checked; the reader of its format continues from here. */
export interface OpenedImage {
  readonly file: DirectFile
  readonly header: SaveImageHeader
  readonly description: MachineDescription
  /** The offset of the body; a multiple of 64 KiB in images written here, any number in others. */
  readonly bodyOffset: number
  readonly fileLength: number
  readonly options: OpenImageOptions & { readonly direct: boolean }
  /** An edit of the description that a crash interrupted: `header` and `description` are already in the state after it. */
  readonly edit: PendingEdit | undefined
  /** The digest beside the image, in formats without checksums of their own. */
  readonly digest: FoundDigest
}

const NO_DIGEST: FoundDigest = { state: 'none' }

/** Reads the body of one format. It owns `file` once it has returned. */
export type ImageReader = (image: OpenedImage) => Promise<SavedMachine>

/** The first bytes of an image, complete or not. */
export interface ImageHead {
  readonly header: SaveImageHeader
  /** On a block device, that of the image; of an incomplete one, that of the device. */
  readonly fileLength: number
}

/** Reads the header of an image, complete or not. @throws ImageError, StorageError */
export async function readImageHead(path: string): Promise<ImageHead> {
  await refuseSpecialFile(path)
  await using file = await DirectFile.open(path, 'read', { direct: false })
  const first = Buffer.alloc(HEADER_LENGTH)
  const header = parseHeader(first.subarray(0, await file.read(first, 0)), path)
  const fileLength = header.complete ? await lengthOf(file, header) : await file.size()
  return { header, fileLength }
}

/**
 * Opens a save image and reads the parts that all formats have in common. The caller closes `file`.
 * @throws ImageError, StorageError
 */
export async function openImageFile(path: string, options: OpenImageOptions): Promise<OpenedImage> {
  throwIfCancelled(`open ${path}`, options.signal)
  await refuseSpecialFile(path)
  const file = await DirectFile.open(path, 'read', { direct: false })
  try {
    const first = Buffer.alloc(HEADER_LENGTH)
    const header = parseHeader(first.subarray(0, await file.read(first, 0)), path)
    if (!header.complete) {
      throw new ImageError(
        'IMAGE_INCOMPLETE',
        `${path} cannot be restored: the save that wrote it never finished`,
        {
          path,
          offset: 0,
          hint: 'If the guest is still running, it lost nothing; then delete the file',
        },
      )
    }
    const direct = options.direct ?? FORMATS[header.format].traits.bypassesCache.restore
    if (direct) await file.bypassCache()
    const fileLength = await lengthOf(file, header)
    const bodyOffset = HEADER_LENGTH + header.dataLength
    checkLength(path, fileLength, bodyOffset, header)
    const area = Buffer.allocUnsafe(header.dataLength)
    await file.read(area, HEADER_LENGTH)
    const recovered = recoverEdit(path, header, area)
    const id = header.id ?? (await contentId(file, bodyOffset, fileLength))
    const description = {
      ...parseDescriptionArea(recovered.area, recovered.header, { path, onFault: options.onFault }),
      id,
    }
    const { edit } = recovered
    const { number, traits } = FORMATS[header.format]
    const hasDigest = traits.checksums === 'none' || traits.checksums === 'packing'
    const identity = { imageId: id, format: number, bodyOffset, fileLength }
    const digest = hasDigest ? await findDigest(path, identity) : NO_DIGEST
    if (digest.state === 'fits' && digest.digest.fileLength > fileLength) {
      const what = `it has ${fileLength} of the ${digest.digest.fileLength} bytes that its digest covers`
      const fault = imageTruncated(path, what, { offset: fileLength })
      if (options.onFault === undefined) throw fault
      options.onFault(fault)
    }
    return {
      file,
      header: recovered.header,
      description,
      bodyOffset,
      fileLength,
      options: { ...options, direct },
      edit,
      digest,
    }
  } catch (error) {
    await file.close()
    throw error
  }
}

function checkLength(
  path: string,
  fileLength: number,
  bodyOffset: number,
  header: SaveImageHeader,
): void {
  const expected = header.extension?.fileLength
  if (fileLength <= bodyOffset || (expected !== undefined && fileLength < expected)) {
    const what =
      expected === undefined
        ? `it has ${fileLength} bytes and ends before the memory of the machine`
        : `it has ${fileLength} of ${expected} bytes`
    throw imageTruncated(path, what, { offset: fileLength })
  }
  if (expected !== undefined && fileLength > expected) {
    const what = `it has ${fileLength} bytes, ${fileLength - expected} more than were written`
    throw imageDamaged(path, what, { offset: expected })
  }
}

/**
 * The length of an image: that of its file, or on a block device, which is longer, the length in the header.
 * @throws ImageError IMAGE_UNSUPPORTED when the header does not have it
 */
async function lengthOf(file: DirectFile, header: SaveImageHeader): Promise<number> {
  const size = await file.size()
  if (!fstatSync(file.fd).isBlockDevice()) return size
  const length = header.extension?.fileLength ?? header.imageLength
  if (length !== undefined) return Math.min(size, length)
  throw new ImageError(
    'IMAGE_UNSUPPORTED',
    `${file.path} is a block device, and its image does not contain its own length`,
    {
      path: file.path,
      hint: 'Stasis writes the length; libvirt does not, and neither does a save into a pipe. Write the image to a file instead',
    },
  )
}

async function refuseSpecialFile(path: string): Promise<void> {
  const facts = await stat(path).catch((error: unknown) => {
    throw storageError('open the image', path, error)
  })
  if (facts.isFile() || facts.isBlockDevice()) return
  const isPipe = facts.isFIFO()
  const what = isPipe ? 'a pipe' : 'not a regular file'
  throw new ImageError('NOT_AN_IMAGE', `${path} is not a save image: it is ${what}`, {
    path,
    ...(isPipe && { hint: `Write the stream to a file first: cat ${path} > FILE` }),
  })
}
