import { dirname } from 'node:path'
import { ImageError } from '../../errors.ts'
import { storageError } from '../../io/storage-error.ts'
import { imageTruncated } from '../../image/image-fault.ts'
import { openClone, openForReading } from '../../io/files/open-file.ts'
import { shareFile } from '../../io/files/locks/file-lock.ts'
import { closeDescriptor } from '../../io/system-calls.ts'
import { type QemuVersion, atLeast } from '../../qemu/command-line/options.ts'
import type { InheritedMemory } from '../machine/launch/launch-needs.ts'
import { type SourceRefusal, refusalError, unfit } from './source-refusal.ts'

/** A piece of a file with the content of one RAM block, page by page. */
export interface LinearPart {
  /** The memory backend that it belongs to. */
  readonly id: string
  readonly path: string
  readonly offset: number
  readonly length: number
}

/** The properties of a QEMU that determine whether and how it can map a file. */
export interface MappingQemu {
  readonly version: QemuVersion
  /** The machine has a balloon, through which the guest can discard pieces of its memory. */
  readonly balloon: boolean
}

/** `memory-backend-file` accepts a read-only file for writable RAM (`rom=off`, QEMU 8.2 qapi/qom.json). */
const READONLY_SINCE = [8, 2] as const

/** `memory-backend-file` accepts an `offset` (QEMU 8.1 qapi/qom.json). */
const OFFSET_SINCE = [8, 1] as const

/** How QEMU gets a part. */
type Opening = 'read-only' | 'writable' | 'reflink'

/**
 * The reason why this QEMU or this file system cannot map the parts; `undefined` when there is none. Tries whether the file system supports reflinks
 * where that matters, and leaves nothing open.
 * @throws StorageError
 */
export function refuseMapping(
  parts: readonly LinearPart[],
  qemu: MappingQemu,
): SourceRefusal | undefined {
  const refused = parts.find((part) => openingOf(part, qemu) === 'reflink' && !hasReflinks(part))
  return refused && refuseReflink(refused, qemu)
}

/**
 * The files of a guest's RAM, opened for QEMU to map privately (it sees their content, and the guest's writes never reach them) and locked (flock,
 * shared). QEMU inherits lock and descriptor, so no process of ours that takes the lock changes a file while a guest runs on it.
 */
export class MappedMemory implements Disposable {
  readonly #files: Map<string, InheritedMemory> = new Map()
  #inPlace: string | undefined
  #closed = false

  private constructor() {}

  /** @throws ImageError IMAGE_TRUNCATED, IMAGE_IN_USE, and others when `refuseMapping` refuses it; StorageError */
  static open(parts: readonly LinearPart[], qemu: MappingQemu): MappedMemory {
    const memory = new MappedMemory()
    try {
      for (const part of parts) {
        memory.#files.set(part.id, openPart(part, qemu))
        if (openingOf(part, qemu) !== 'reflink') memory.#inPlace = part.path
      }
      return memory
    } catch (error) {
      memory[Symbol.dispose]()
      throw error
    }
  }

  /** By the id of the memory backend. */
  get files(): ReadonlyMap<string, InheritedMemory> {
    return this.#files
  }

  /** A file that is mapped itself; `undefined` when all parts are reflinks, which do not need their files. */
  get inPlace(): string | undefined {
    return this.#inPlace
  }

  [Symbol.dispose](): void {
    if (this.#closed) return
    this.#closed = true
    for (const { fd } of this.#files.values()) closeDescriptor(fd)
  }
}

function openPart(part: LinearPart, qemu: MappingQemu): InheritedMemory {
  const fd = openLocked(part)
  const opening = openingOf(part, qemu)
  if (opening !== 'reflink')
    return { fd, share: false, offset: part.offset, readonly: opening === 'read-only' }
  try {
    const clone = cloneOf(part, fd, part.length)
    if (clone === undefined) throw refusalError(part.path, 'mapped', refuseReflink(part, qemu))
    return { fd: clone, share: false }
  } finally {
    closeDescriptor(fd)
  }
}

function openingOf({ offset }: LinearPart, { version, balloon }: MappingQemu): Opening {
  if (atLeast(version, ...READONLY_SINCE)) return 'read-only'
  // Older ones open the file for writing, and punch holes into it for a balloon (softmmu/physmem.c `ram_block_discard_range`).
  return takesOffset(offset, version) && !balloon ? 'writable' : 'reflink'
}

function takesOffset(offset: number, version: QemuVersion): boolean {
  return offset === 0 || atLeast(version, ...OFFSET_SINCE)
}

function refuseReflink({ offset }: LinearPart, { version }: MappingQemu): SourceRefusal {
  return takesOffset(offset, version)
    ? unfit(
        'the machine has a memory balloon, with which QEMU before 8.2 would write into the image',
      )
    : {
        code: 'QEMU_LACKS_FEATURE',
        reason:
          'QEMU before 8.1 cannot take memory from the middle of a file, and the file system has no reflinks',
      }
}

/** The length of a trial reflink: a multiple of the block of any file system. */
const TRIED_LENGTH = 2 * 1024 * 1024

function hasReflinks(part: LinearPart): boolean {
  const from = openForReading(part.path).fd
  try {
    const clone = cloneOf(part, from, Math.min(part.length, TRIED_LENGTH))
    if (clone !== undefined) closeDescriptor(clone)
    return clone !== undefined
  } finally {
    closeDescriptor(from)
  }
}

function openLocked({ path, offset, length }: LinearPart): number {
  const { fd, size } = openForReading(path)
  if (size >= offset + length && isShared(fd, path)) return fd
  closeDescriptor(fd)
  // An access beyond the end of the file would kill QEMU.
  if (size < offset + length) {
    throw imageTruncated(path, 'it ends inside the memory of the guest', { offset: size })
  }
  throw new ImageError('IMAGE_IN_USE', `${path} is being changed by another process`, {
    path,
    hint: 'Wait until the other process has finished',
  })
}

function isShared(fd: number, path: string): boolean {
  try {
    return shareFile(fd, path)
  } catch (error) {
    closeDescriptor(fd)
    throw error
  }
}

/** A nameless file beside the image that shares the first `length` bytes of the part; `undefined` where the file system does not support it. */
function cloneOf({ path, offset }: LinearPart, from: number, length: number): number | undefined {
  try {
    return openClone(dirname(path), from, { offset, length })
  } catch (error) {
    throw storageError('share the blocks of the image', path, error)
  }
}
