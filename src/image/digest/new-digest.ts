import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DirectFile } from '../../io/files/direct-file.ts'
import { lockFile } from '../../io/files/locks/file-lock.ts'
import { removeFile, removeUnlocked, renameFile } from '../../io/files/file-names.ts'
import { syncDirectory } from '../../io/files/partial-file.ts'
import { readImageHead } from '../opened-image.ts'
import { digestPath, newDigestPath, parseNewDigestName } from './digest-path.ts'
import { DIGEST_MAGIC, type ImageDigest, serialiseDigest } from './layout.ts'

/**
 * A durable digest that has a temporary name until its image is in place. The name contains the id of the image, by which a reader finds it if a crash came in
 * between (docs/format/digest.md, "Life"). Disposing it before `place` removes it.
 */
export class NewDigest implements AsyncDisposable {
  readonly #file: DirectFile
  readonly #imagePlace: string
  #placed = false

  private constructor(file: DirectFile, imagePlace: string) {
    this.#file = file
    this.#imagePlace = imagePlace
  }

  /** Writes a digest for the image that will be at `imagePlace`. @throws StorageError */
  static async write(imagePlace: string, digest: ImageDigest): Promise<NewDigest> {
    await removeAbandonedDigests(imagePlace, await idOfImage(imagePlace))
    const path = newDigestPath(imagePlace, digest.imageId)
    await removeUnlocked(path)
    const file = await DirectFile.open(path, 'create', { direct: false })
    const made = new NewDigest(file, imagePlace)
    try {
      lockFile(file.fd, path)
      await file.write(serialiseDigest(digest), 0)
      await file.sync()
      await syncDirectory(dirname(path))
      return made
    } catch (error) {
      await made[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Gives the digest its own name, once its image is in place. If that fails, a reader finds it by its temporary name. */
  async place(): Promise<void> {
    this.#placed = true
    const { path } = this.#file
    await this.#file.close().catch(() => undefined)
    await renameFile(path, digestPath(this.#imagePlace)).catch(() => undefined)
    await syncDirectory(dirname(path)).catch(() => undefined)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#placed) return
    await this.#file.close().catch(() => undefined)
    await removeFile(this.#file.path).catch(() => undefined)
  }
}

/** Removes the digest of an image that is gone, or was replaced. A file of another kind with that name stays. */
export async function removeDigest(imagePlace: string): Promise<void> {
  const path = digestPath(imagePlace)
  if (await isDigest(path)) await removeFile(path).catch(() => undefined)
  await removeAbandonedDigests(imagePlace, undefined)
}

/** Removes the new digests of dead writers, except that of the image with the id `keep`. */
export async function removeAbandonedDigests(
  imagePlace: string,
  keep: string | undefined,
): Promise<void> {
  const directory = dirname(imagePlace)
  for (const name of await readdir(directory).catch(() => [])) {
    const id = parseNewDigestName(name, imagePlace)
    if (id !== undefined && id !== keep)
      await removeUnlocked(join(directory, name)).catch(() => undefined)
  }
}

/** Whether a file is a digest, damaged or not, by its first bytes. */
export async function isDigest(path: string): Promise<boolean> {
  try {
    await using file = await DirectFile.open(path, 'read', { direct: false })
    const first = Buffer.alloc(DIGEST_MAGIC.length)
    await file.read(first, 0)
    return first.toString('latin1') === DIGEST_MAGIC
  } catch {
    return false
  }
}

/** The id of the image that a new one is about to replace. */
async function idOfImage(imagePlace: string): Promise<string | undefined> {
  return readImageHead(imagePlace).then(
    ({ header }) => header.id,
    () => undefined,
  )
}
