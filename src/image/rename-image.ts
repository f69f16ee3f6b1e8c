import { dirname } from 'node:path'
import { isThere, linkFile, removeFile } from '../io/files/file-names.ts'
import { flushChange, syncDirectory } from '../io/files/partial-file.ts'
import { channelPath } from './channels/channel-path.ts'
import { existingImage } from './channels/existing-image.ts'
import { digestPath } from './digest/digest-path.ts'

/**
 * Gives an image another name in its directory, durably, with its channel files and its digest. At every moment the image is whole under one name or both. Returns
 * a warning when a power cut may bring the former name back.
 * @throws StorageError FILE_EXISTS and others; then the image has its former name
 */
export async function renameImage(path: string, newPath: string): Promise<string | undefined> {
  const parts = await partsOf(path, newPath)
  for (const { from, to } of parts) await linkFile(from, to)
  await linkFile(path, newPath)
  await syncDirectory(dirname(newPath))
  await removeFile(path)
  const unsure = await flushChange(dirname(path), `${path} is now ${newPath}`)
  for (const { from } of parts) await removeFile(from).catch(() => undefined)
  return unsure
}

async function partsOf(
  path: string,
  newPath: string,
): Promise<readonly { readonly from: string; readonly to: string }[]> {
  const existing = await existingImage(path)
  const channels = existing === undefined || existing === 'damaged' ? 0 : existing.channels
  const parts = Array.from({ length: channels }, (_, channel) => ({
    from: channelPath(path, channel),
    to: channelPath(newPath, channel),
  }))
  const digest = { from: digestPath(path), to: digestPath(newPath) }
  return (await isThere(digest.from)) ? [...parts, digest] : parts
}
