import { randomBytes } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { StorageError, storageError } from '../../errors.ts'
import { DirectFile } from '../../io/files/direct-file.ts'
import { isAbsence, removeFile, removeUnlocked, renameFile } from '../../io/files/file-names.ts'
import { syncDirectory } from '../../io/files/partial-file.ts'
import { lockFile } from '../../io/files/file-lock.ts'
import { channelPath, newChannelPath, parseNewChannelName } from './channel-path.ts'
import { type ExistingImage, existingImage } from './existing-image.ts'

/**
 * The channel files of an image that is not complete. Until it is, their names contain its id, so that the channel files of an existing image stay
 * unchanged until it is replaced (docs/format/channels.md, "Life").
 */
export class NewChannelFiles implements AsyncDisposable {
  readonly imageId: Uint8Array = randomBytes(16)
  readonly files: DirectFile[] = []
  readonly #path: string
  #existing: ExistingImage | undefined
  #complete = false

  private constructor(path: string) {
    this.#path = path
  }

  /** @throws StorageError */
  static async create(path: string, count: number, direct: boolean): Promise<NewChannelFiles> {
    const made = new NewChannelFiles(path)
    try {
      await refuseWhatCannotBeReplaced(path, count)
      const existing = await existingImage(path)
      // The channel files of a damaged image are unknown, so none is removed.
      if (existing !== 'damaged') await made.#removeAbandoned(existing?.imageId)
      for (let channel = 0; channel < count; channel += 1) {
        const name = newChannelPath(path, channel, made.imageId)
        const file = await DirectFile.open(name, 'create', { direct })
        made.files.push(file)
        lockFile(file.fd, name)
      }
      return made
    } catch (error) {
      await made[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Makes the files and their present names durable. From then on the image may be published. @throws StorageError */
  async sync(): Promise<void> {
    const existing = await existingImage(this.#path)
    this.#existing = existing === 'damaged' ? undefined : existing
    await Promise.all(this.files.map((file) => file.sync()))
    await syncDirectory(dirname(this.#path))
  }

  /**
   * Renames the files to their final names after their image was published, and removes the channel files of the image that it replaced. A reader
   * finds them under either name, so a failure here loses nothing and does not fail the save. Never throws: the image has replaced the older one.
   */
  async idle(): Promise<void> {
    this.#complete = true
    for (const [channel, file] of this.files.entries()) {
      await file.close().catch(() => undefined)
      await renameFile(file.path, channelPath(this.#path, channel)).catch(() => undefined)
    }
    for (let channel = this.files.length; channel < (this.#existing?.channels ?? 0); channel += 1)
      await removeFile(channelPath(this.#path, channel)).catch(() => undefined)
    await this.#removeAbandoned(Buffer.from(this.imageId).toString('hex')).catch(() => undefined)
    await syncDirectory(dirname(this.#path)).catch(() => undefined)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const file of this.files) {
      await file.close().catch(() => undefined)
      if (!this.#complete) await removeFile(file.path).catch(() => undefined)
    }
  }

  /** Removes the new files of dead writers, except those that belong to the existing image. */
  async #removeAbandoned(existingId: string | undefined): Promise<void> {
    const directory = dirname(this.#path)
    const names = await readdir(directory).catch((error: unknown) => {
      throw storageError(`write to the directory ${directory}`, directory, error)
    })
    for (const name of names) {
      const parsed = parseNewChannelName(name, this.#path)
      if (parsed !== undefined && parsed.imageId !== existingId)
        await removeUnlocked(join(directory, name))
    }
  }
}

async function refuseWhatCannotBeReplaced(path: string, count: number): Promise<void> {
  for (let channel = 0; channel < count; channel += 1) {
    const name = channelPath(path, channel)
    if (await isReplaceable(name)) continue
    throw new StorageError(
      'FILE_EXISTS',
      `Could not save: ${name} exists and is not a regular file`,
      {
        operation: `save to ${path}`,
        path: name,
        hint: 'Channel files have the name of the image with .1, .2 and so on added. Save under another name',
      },
    )
  }
}

/** Whether a name is free or belongs to a regular file. @throws StorageError */
async function isReplaceable(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile()
  } catch (error) {
    if (isAbsence(error)) return true
    throw storageError('look at the file', path, error)
  }
}
