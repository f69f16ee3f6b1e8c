import { readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { removeFile, removeUnlocked } from '../io/file-names.ts'
import { removeAbandoned, syncDirectory } from '../io/partial-file.ts'
import { parseNewChannelName } from './channels/channel-path.ts'
import { standingImage } from './channels/standing-image.ts'

/**
 * Removes an image, durably, and after it its channel files, when there are. From the first of these on there is no image.
 * @throws StorageError
 */
export async function removeImage(path: string): Promise<void> {
  const standing = await standingImage(path)
  await removeFile(path)
  await syncDirectory(dirname(path)).catch(() => undefined)
  if (standing === undefined) return
  const names = await readdir(dirname(path)).catch(() => [])
  for (const name of names) {
    const number = channelNumber(name, path)
    const mine =
      (number !== undefined && number <= standing.channels) ||
      parseNewChannelName(name, path)?.imageId === standing.imageId
    if (mine) await removeFile(join(dirname(path), name))
  }
}

/**
 * Removes what dead writers left beside the place of an image, complete or not; the image that stands there keeps what is its own.
 * With `ours` the directory is our own, and channel files of which the image is gone go, too.
 */
export async function removeLeftovers(path: string, ours: boolean): Promise<void> {
  const names = await readdir(dirname(path)).catch(() => [])
  if (!names.some((name) => isPart(name, path))) return
  await removeAbandoned(path).catch(() => undefined)
  const standing = await standingImage(path)
  for (const name of names) {
    const id = parseNewChannelName(name, path)?.imageId
    const stray = ours && (channelNumber(name, path) ?? 0) > (standing?.channels ?? 0)
    if (stray || (id !== undefined && id !== standing?.imageId))
      await removeUnlocked(join(dirname(path), name))
  }
}

function isPart(name: string, path: string): boolean {
  if (channelNumber(name, path) !== undefined) return true
  return name.startsWith(`.${basename(path)}.`) && name.endsWith('.partial')
}

/** Of `FILE.N`: N, from 1. */
function channelNumber(name: string, path: string): number | undefined {
  const prefix = `${basename(path)}.`
  const digits = name.startsWith(prefix) ? name.slice(prefix.length) : ''
  return /^[1-9]\d{0,2}$/.test(digits) ? Number(digits) : undefined
}
