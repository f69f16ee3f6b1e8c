import { constants } from 'node:fs'
import { type FileHandle, open, rename, stat } from 'node:fs/promises'
import { StorageError } from '../../errors.ts'
import { storageError } from '../storage-error.ts'
import { isAbsence } from '../files/file-names.ts'
import { waitForLock } from '../files/locks/wait-for-lock.ts'

/** A file of lines to which several processes append. */
export interface LineFile {
  readonly path: string
  /** A file of this length gets another name before the next line. */
  readonly maxBytes: number
  /** The path that a full file gets. */
  readonly fullPath: () => string
  /** Whether the line must survive a crash of the host. */
  readonly durable: boolean
}

/** Others may rename the file between our open and our lock. */
const ATTEMPTS = 100

/**
 * Appends a line under the lock of the file, which is made with mode 0600. A line that a crash has cut off gets its end first. Returns whether the file is new.
 * @throws StorageError
 */
export async function appendLine(file: LineFile, line: string): Promise<boolean> {
  const { path, maxBytes } = file
  try {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      await using handle = await open(path, FLAGS, 0o600)
      await waitForLock(handle, path)
      const { ino, dev, size } = await handle.stat()
      const named = await stat(path).catch(ignoreMissing)
      if (named?.ino !== ino || named.dev !== dev) continue
      if (size >= maxBytes) {
        await rename(path, file.fullPath())
        continue
      }
      const cut = size > 0 && (await lastByte(handle, size)) !== NEWLINE
      const { bytesWritten } = await handle.write(`${cut ? '\n' : ''}${line}\n`)
      if (bytesWritten < Buffer.byteLength(line)) throw incomplete(path)
      if (file.durable) await handle.datasync()
      return size === 0
    }
  } catch (error) {
    throw storageError('append a line', path, error)
  }
  throw new StorageError('IO_ERROR', `Could not append to ${path}: it changes all the time`, {
    path,
  })
}

const FLAGS =
  constants.O_RDWR |
  constants.O_APPEND |
  constants.O_CREAT |
  constants.O_NOFOLLOW |
  constants.O_NONBLOCK
const NEWLINE = 10

async function lastByte(handle: FileHandle, size: number): Promise<number | undefined> {
  const byte = Buffer.alloc(1)
  await handle.read(byte, 0, 1, size - 1)
  return byte[0]
}

function incomplete(path: string): StorageError {
  return new StorageError('NO_SPACE', `Could not append a whole line to ${path}`, { path })
}

function ignoreMissing(error: unknown): undefined {
  if (isAbsence(error)) return undefined
  throw error
}
