import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { removeAbandonedDigests, removeDigest } from './digest/new-digest.ts'
import { readImageHead } from './opened-image.ts'
import { StasisError, messageOf } from '../errors.ts'
import { DirectFile } from '../io/files/direct-file.ts'
import { lockDirectory } from '../io/files/locks/directory-lock.ts'
import { markIncomplete } from './mark-incomplete.ts'
import { placeOf, temporaryPrefix } from '../io/files/file-place.ts'
import { removeFile, removeUnlocked, renameUnlocked } from '../io/files/file-names.ts'
import { flushChange, removeAbandoned } from '../io/files/partial-file.ts'
import { channelPath, parseNewChannelName } from './channels/channel-path.ts'
import { type ExistingImage, existingImage } from './channels/existing-image.ts'

/**
 * Removes an image durably, and then its channel files, if any. Once the first file is removed the image no longer exists, and nothing fails. An image on
 * a block device becomes incomplete instead. Returns warnings: about files that stay, and when a power cut may undo the removal.
 * @throws StorageError when the image still exists
 */
export async function removeImage(path: string): Promise<readonly string[]> {
  if (await isBlockDevice(path)) {
    await using file = await DirectFile.open(path, 'update', { direct: false })
    await markIncomplete(file)
    return []
  }
  const place = await placeOf(path)
  await using _lock = await lockDirectory(dirname(place))
  const existing = await existingImage(path)
  await removeFile(path)
  await removeDigest(place).catch(() => undefined)
  const unsure = await flushChange(dirname(path), `${path} is removed`)
  const warnings = unsure === undefined ? [] : [unsure]
  if (existing === undefined || existing === 'damaged') return warnings
  return [...warnings, ...(await removeChannelFiles(path, existing))]
}

/** Removes the channel files of an image that is no longer at its path, whatever is there now. Returns warnings about files that stay. Never throws. */
export async function removeChannelFiles(
  path: string,
  { imageId, channels }: ExistingImage,
): Promise<readonly string[]> {
  const warnings: string[] = []
  const names = await readdir(dirname(path)).catch(() => [])
  for (const name of names) {
    const number = channelNumber(name, path)
    const isIts =
      (number !== undefined && number <= channels) ||
      parseNewChannelName(name, path)?.imageId === imageId
    if (!isIts) continue
    await removeFile(join(dirname(path), name)).catch((error: unknown) =>
      warnings.push(messageOf(error)),
    )
  }
  return warnings
}

async function isBlockDevice(path: string): Promise<boolean> {
  const facts = await stat(path).catch(() => undefined)
  return facts?.isBlockDevice() === true
}

/**
 * Removes files that dead writers left beside the path of an image, whether or not that image exists; the files of an existing image stay, and get their final
 * names if their writer died before it gave them these. With `ours` the directory belongs to Stasis and no other host writes the image: channel files without an image are removed too, and the files of writers on other hosts.
 */
export async function removeLeftovers(path: string, ours: boolean): Promise<void> {
  const names = await readdir(dirname(path)).catch(() => [])
  if (!names.some((name) => isPart(name, path))) return
  await removeAbandoned(path, { ofAnyHost: ours }).catch(() => undefined)
  // A writer whose image has just got its name has released the locks of its channel files, and has still to rename them.
  await using _lock = await lockDirectory(dirname(path))
  // Files that may belong to an image stay.
  const existing = await existingImage(path).catch(() => 'damaged' as const)
  if (existing === 'damaged') return
  const head = await readImageHead(path).catch((error: unknown) =>
    StasisError.is(error, 'FILE_NOT_FOUND') ? undefined : ('damaged' as const),
  )
  if (head !== 'damaged') await removeAbandonedDigests(path, head?.header.id)
  for (const name of names) {
    const found = parseNewChannelName(name, path)
    const stray = ours && (channelNumber(name, path) ?? 0) > (existing?.channels ?? 0)
    const file = join(dirname(path), name)
    if (found !== undefined && found.imageId === existing?.imageId)
      await renameUnlocked(file, channelPath(path, found.channel))
    else if (stray || found !== undefined) await removeUnlocked(file)
  }
}

function isPart(name: string, path: string): boolean {
  if (channelNumber(name, path) !== undefined) return true
  return name.startsWith(temporaryPrefix(path)) && name.endsWith('.partial')
}

/** The number of a channel file `FILE.N`, from 1. */
function channelNumber(name: string, path: string): number | undefined {
  const prefix = `${basename(path)}.`
  const digits = name.startsWith(prefix) ? name.slice(prefix.length) : ''
  return /^[1-9]\d{0,2}$/.test(digits) ? Number(digits) : undefined
}
