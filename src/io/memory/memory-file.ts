import { ftruncateSync, writev, writevSync } from 'node:fs'
import { promisify } from 'node:util'
import { StorageError } from '../../errors.ts'
import { closeDescriptor, createMemoryFile } from '../system-calls.ts'
import { createHugeFile } from './huge-file.ts'

const writeAsync = promisify(writev)

const PREFIX = 'stasis '

/** Whether a descriptor's name in /proc is that of an anonymous file in memory, ours or another's. */
export function isMemoryFile(path: string): boolean {
  return path.startsWith('/memfd:') || path.startsWith(`/${PREFIX}`)
}

/** An anonymous file in memory, at first all holes; a process that inherits its descriptor can map it. */
export class MemoryFile implements Disposable {
  readonly fd: number
  readonly length: number
  #closed = false

  /** `name` appears only in /proc. With `huge`, in huge pages where the host permits it. */
  constructor(name: string, length: number, { huge = false }: { readonly huge?: boolean } = {}) {
    const label = `${PREFIX}${name}`
    this.fd = (huge ? createHugeFile(label) : undefined) ?? createMemoryFile(label)
    this.length = length
    ftruncateSync(this.fd, length)
  }

  /** Writes all of `pieces`, one after another, from `offset` on. @throws StorageError NO_SPACE when the host's memory does not suffice */
  async write(pieces: readonly Uint8Array[], offset: number): Promise<void> {
    try {
      let left = pieces
      for (let at = offset; left.length > 0;) {
        const { bytesWritten } = await writeAsync(this.fd, left, at)
        at += bytesWritten
        left = behind(left, bytesWritten)
      }
    } catch (cause) {
      throw noMemoryLeft(cause)
    }
  }

  [Symbol.dispose](): void {
    if (this.#closed) return
    this.#closed = true
    closeDescriptor(this.fd)
  }
}

function behind(pieces: readonly Uint8Array[], written: number): readonly Uint8Array[] {
  let skip = written
  return pieces.flatMap((piece) => {
    const rest = piece.subarray(Math.min(skip, piece.length))
    skip -= piece.length - rest.length
    return rest.length === 0 ? [] : [rest]
  })
}

/**
 * Writes all of `pieces`, one after another, to a memory file by its descriptor, which another thread may have opened. At most 1024. Throws Node's error.
 */
export function writeMemorySync(fd: number, pieces: readonly Uint8Array[], offset: number): void {
  let left = pieces
  for (let at = offset; left.length > 0;) {
    const written = writevSync(fd, left, at)
    at += written
    left = behind(left, written)
  }
}

/** The error for a failed write to a memory file. */
export function noMemoryLeft(cause: unknown): StorageError {
  return new StorageError('NO_SPACE', 'The host does not have enough memory left for the guest', {
    operation: 'fill the memory of the guest',
    hint: 'Free some memory, or raise the memory limit of the control group',
    cause,
  })
}
