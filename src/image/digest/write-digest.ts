import { placeOf } from '../../io/files/file-place.ts'
import { FORMATS } from '../format-table.ts'
import { openImageFile } from '../opened-image.ts'
import { ChunkCrcs } from './chunk-crcs.ts'
import { digestPath } from './digest-path.ts'
import { NewDigest } from './new-digest.ts'

/** Writes a digest beside an image that exists, and reads the image for it. Returns its path. @throws ImageError, StorageError, CancelledError */
export async function writeDigest(path: string, signal: AbortSignal | undefined): Promise<string> {
  const { file, header, bodyOffset, fileLength, description } = await openImageFile(path, {
    direct: true,
    signal,
  })
  await using _ = file
  const crcs = new ChunkCrcs()
  crcs.forget()
  const place = await placeOf(path)
  const digest = {
    imageId: description.id ?? '',
    format: FORMATS[header.format].number,
    ...{ bodyOffset, fileLength },
    crcs: await crcs.complete(file, bodyOffset, fileLength),
  }
  await using made = await NewDigest.write(place, digest)
  await made.place()
  return digestPath(place)
}
