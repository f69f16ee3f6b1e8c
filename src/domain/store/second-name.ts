import { randomBytes } from 'node:crypto'
import { link } from 'node:fs/promises'
import { storageError } from '../../io/storage-error.ts'
import { removeFile } from '../../io/files/file-names.ts'

/** A second name of an image (a hard link beside it), so that the file outlives its first name. Disposing it removes the name unless it is detached. */
export class SecondName implements AsyncDisposable {
  readonly path: string
  #detached = false

  private constructor(path: string) {
    this.path = path
  }

  /** @throws StorageError where the file system has no hard links, or does not allow this one */
  static async of(image: string): Promise<SecondName> {
    const path = `${image}.kept-${randomBytes(4).toString('hex')}`
    try {
      await link(image, path)
    } catch (error) {
      throw storageError('give the image a second name', image, error)
    }
    return new SecondName(path)
  }

  /** Leaves the name to the process that removes the record of the restore. */
  detach(): void {
    this.#detached = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#detached) await removeFile(this.path)
  }
}
