import { randomBytes } from 'node:crypto'
import { fstatSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { StorageError } from '../../errors.ts'
import { storageError } from '../../io/storage-error.ts'
import { DirectFile } from '../../io/files/direct-file.ts'
import { lockDirectory } from '../../io/files/locks/directory-lock.ts'
import { isAbsence, removeFile, removeUnlocked, renameFile } from '../../io/files/file-names.ts'
import { syncDirectory } from '../../io/files/partial-file.ts'
import { lockFile } from '../../io/files/locks/file-lock.ts'
import { channelPath, newChannelPath, parseNewChannelName } from './channel-path.ts'
import { existingImage } from './existing-image.ts'

/**
 * The channel files of an image that is not complete. Until it is, their names contain its id, so that the channel files of an existing image stay
 * unchanged until it is replaced (docs/format/channels.md, "Life").
 */
export class NewChannelFiles implements AsyncDisposable {
  readonly imageId: Uint8Array = randomBytes(16)
  readonly files: DirectFile[] = []
  readonly #path: string
  #complete = false

  private constructor(path: string) {
    this.#path = path
  }

  /** For an image whose `NewImage` exists: that has removed the leftovers of dead writers. @throws StorageError */
  static async create(path: string, count: number, direct: boolean): Promise<NewChannelFiles> {
    const made = new NewChannelFiles(path)
    try {
      await refuseWhatCannotBeReplaced(path, count)
      // An image that cannot be read is not replaced: its channel files would stay.
      await existingImage(path)
      // A new file is not locked for a moment. A process that finds it then would treat its writer as dead.
      await using _lock = await lockDirectory(dirname(path))
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

  /** Makes the files and their present names durable. From then on the image may be published. @throws StorageError, also when somebody has removed one */
  async sync(): Promise<void> {
    await Promise.all(this.files.map((file) => file.sync()))
    await syncDirectory(dirname(this.#path))
    for (const file of this.files) await requireName(file)
  }

  /**
   * Renames the files to their final names after their image was published, which has removed the channel files of an older image, and removes what
   * dead writers left meanwhile. A reader finds the files under either name, so a failure here loses nothing and does not fail the save. Never throws.
   */
  async giveFinalNames(): Promise<void> {
    this.#complete = true
    for (const [channel, file] of this.files.entries()) {
      await file.close().catch(() => undefined)
      await renameFile(file.path, channelPath(this.#path, channel)).catch(() => undefined)
    }
    await this.#removeAbandoned().catch(() => undefined)
    await syncDirectory(dirname(this.#path)).catch(() => undefined)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const file of this.files) {
      await file.close().catch(() => undefined)
      if (!this.#complete) await removeFile(file.path).catch(() => undefined)
    }
  }

  /** Removes the new files of dead writers of other images. */
  async #removeAbandoned(): Promise<void> {
    const directory = dirname(this.#path)
    const own = Buffer.from(this.imageId).toString('hex')
    for (const name of await readdir(directory)) {
      const parsed = parseNewChannelName(name, this.#path)
      if (parsed !== undefined && parsed.imageId !== own)
        await removeUnlocked(join(directory, name))
    }
  }
}

/** The image would be complete without this file. @throws StorageError when its name is gone, or is another file's */
async function requireName({ fd, path }: DirectFile): Promise<void> {
  const [named, written] = [await stat(path).catch(() => undefined), fstatSync(fd)]
  if (named?.ino === written.ino && named.dev === written.dev) return
  throw new StorageError('IO_ERROR', `${path} was removed while it was written`, {
    operation: 'save',
    path,
    hint: 'Find out which program removes files there, and save again',
  })
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
