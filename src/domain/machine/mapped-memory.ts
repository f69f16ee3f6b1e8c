import { dirname } from 'node:path'
import { ImageError, storageError } from '../../errors.ts'
import { openClone, openForReading } from '../../io/open-file.ts'
import { closeDescriptor, tryShareLock } from '../../io/system-calls.ts'
import { type QemuVersion, atLeast } from '../../qemu/command-line/options.ts'

/** A piece of a file that holds the content of one RAM block, page by page. */
export interface LinearPart {
  /** The memory backend that it is for. */
  readonly id: string
  readonly path: string
  readonly offset: number
  readonly length: number
}

/** An open file that a QEMU maps privately: it sees the content, and the file never sees what the guest writes. */
export interface MappedFile {
  readonly fd: number
  /** Where the RAM starts; `undefined` at the start of the file. */
  readonly offset: number | undefined
  /** Opened for reading only by QEMU, too. */
  readonly readonly: boolean
}

/** What decides whether and how a QEMU can map a file. */
export interface MappingQemu {
  readonly version: QemuVersion
  /** The machine has a balloon: through it the guest can have pieces of its memory thrown away. */
  readonly balloon: boolean
}

/** `memory-backend-file` takes a read-only file for writable RAM (`rom=off`, QEMU 8.2 qapi/qom.json). */
const READONLY_SINCE = [8, 2] as const

/** `memory-backend-file` takes an `offset` (QEMU 8.1 qapi/qom.json). */
const OFFSET_SINCE = [8, 1] as const

/**
 * The files of a guest's RAM, opened for QEMU and locked (flock, shared): QEMU inherits lock and descriptor, so nothing of ours that
 * asks for the lock changes a file for as long as a guest runs on it.
 */
export class MappedMemory implements Disposable {
  readonly files: ReadonlyMap<string, MappedFile>

  private constructor(files: ReadonlyMap<string, MappedFile>) {
    this.files = files
  }

  /**
   * Opens the files; gives the reason in words when this QEMU or this file system does not allow it.
   * @throws ImageError IMAGE_TRUNCATED, IMAGE_IN_USE; StorageError
   */
  static open(parts: readonly LinearPart[], qemu: MappingQemu): MappedMemory | string {
    const files = new Map<string, MappedFile>()
    const memory = new MappedMemory(files)
    try {
      for (const part of parts) {
        const file = openPart(part, qemu)
        if (typeof file === 'string') {
          memory[Symbol.dispose]()
          return file
        }
        files.set(part.id, file)
      }
      return memory
    } catch (error) {
      memory[Symbol.dispose]()
      throw error
    }
  }

  [Symbol.dispose](): void {
    for (const { fd } of this.files.values()) closeDescriptor(fd)
  }
}

function openPart(part: LinearPart, { version, balloon }: MappingQemu): MappedFile | string {
  const fd = openLocked(part)
  const offset = part.offset === 0 ? undefined : part.offset
  if (atLeast(version, ...READONLY_SINCE)) return { fd, offset, readonly: true }
  // Older ones open the file for writing, and punch holes into it for a balloon (softmmu/physmem.c `ram_block_discard_range`).
  const offsetFits = offset === undefined || atLeast(version, ...OFFSET_SINCE)
  if (offsetFits && !balloon) return { fd, offset, readonly: false }
  const clone = cloneOf(part, fd)
  closeDescriptor(fd)
  if (clone !== undefined) return { fd: clone, offset: undefined, readonly: false }
  return offsetFits
    ? 'the machine has a memory balloon, with which QEMU before 8.2 would write into the image'
    : 'QEMU before 8.1 cannot take memory from the middle of a file, and the file system has no reflinks'
}

function openLocked({ path, offset, length }: LinearPart): number {
  const { fd, size } = openForReading(path)
  if (size >= offset + length && tryShareLock(fd)) return fd
  closeDescriptor(fd)
  // Touching a page beyond the end of its file would kill QEMU.
  if (size < offset + length) {
    throw new ImageError('IMAGE_TRUNCATED', `${path} ends inside the memory of the machine`, {
      path,
      offset: size,
      hint: 'Fetch the file again from where it was copied',
    })
  }
  throw new ImageError('IMAGE_IN_USE', `${path} is being changed by another process`, {
    path,
    hint: 'Wait until that has ended',
  })
}

/** A nameless file beside the image that shares the blocks of the part; `undefined` where the file system cannot. */
function cloneOf({ path, offset, length }: LinearPart, from: number): number | undefined {
  try {
    return openClone(dirname(path), from, { offset, length })
  } catch (error) {
    throw storageError('share the blocks of the image', path, error)
  }
}
