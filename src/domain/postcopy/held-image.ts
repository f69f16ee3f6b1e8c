import { shareFile } from '../../io/files/locks/file-lock.ts'
import { openForReading } from '../../io/files/open-file.ts'
import { closeDescriptor } from '../../io/system-calls.ts'
import type { PostcopyRecord } from '../store/postcopy-record.ts'

/**
 * A descriptor of an image that a guest still needs, with a shared lock (flock), for as long as the processes that load its memory live: they pass it
 * on to each other. A file that is deleted lasts as long as one of them, and no process of ours changes it.
 */
export class HeldImage implements Disposable {
  readonly fd: number
  #closed = false

  private constructor(fd: number) {
    this.fd = fd
  }

  /** Takes over an inherited descriptor. */
  static inherited(fd: number): HeldImage {
    return new HeldImage(fd)
  }

  /** Opens the image; `undefined` when it cannot be opened, for example because it has no name any more. */
  static open(path: string): HeldImage | undefined {
    const held = HeldImage.openUnlocked(path)
    held?.lock(path)
    return held
  }

  /** `open` without the lock, for a process that starts before the image was looked at. */
  static openUnlocked(path: string): HeldImage | undefined {
    try {
      return new HeldImage(openForReading(path).fd)
    } catch {
      return undefined
    }
  }

  /** Takes the lock, also for the processes that have inherited the descriptor. */
  lock(path: string): void {
    try {
      shareFile(this.fd, path)
    } catch {
      // A file system without locks: the descriptor alone keeps the file.
    }
  }

  /** `open` by the first name in a record that can be opened. */
  static recorded({ image, kept }: PostcopyRecord): HeldImage | undefined {
    return HeldImage.open(image) ?? (kept === undefined ? undefined : HeldImage.open(kept))
  }

  [Symbol.dispose](): void {
    if (this.#closed) return
    this.#closed = true
    closeDescriptor(this.fd)
  }
}
