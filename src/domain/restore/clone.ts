import { resolve } from 'node:path'
import { copyToNew, removeFile } from '../../io/files/file-names.ts'
import { createOverlay } from '../../qemu/programs/create-overlay.ts'
import type { CloneXml } from '../machine/clone-xml.ts'

/** The files of a clone; unless they are kept, disposing removes those that were created. */
export class CloneFiles implements AsyncDisposable {
  readonly #made: string[] = []
  #kept = false

  /** Creates none when there is no clone. @throws StorageError, also when a file already exists */
  static async make(clone: CloneXml | undefined, emulator: string): Promise<CloneFiles> {
    const files = new CloneFiles()
    try {
      for (const overlay of clone?.overlays ?? []) {
        await createOverlay({ ...overlay, backing: resolve(overlay.backing) }, emulator)
        files.#made.push(overlay.path)
      }
      if (clone?.nvram !== undefined) {
        const { from, to } = clone.nvram
        await copyToNew(from, to)
        files.#made.push(to)
      }
      return files
    } catch (error) {
      await files[Symbol.asyncDispose]()
      throw error
    }
  }

  detach(): void {
    this.#kept = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#kept) for (const path of this.#made) await removeFile(path)
  }
}
