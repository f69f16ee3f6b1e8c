import { appendFileSync, closeSync, constants, fstatSync, openSync, readSync, write } from 'node:fs'
import { type FileHandle, open, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { printable } from '../../errors.ts'
import { storageError } from '../storage-error.ts'
import { makeDirectory } from '../files/directory.ts'

/** A log that another process appends to through the descriptor it inherits. */
export interface OpenLog extends AsyncDisposable {
  readonly fd: number
  /** The offset of the next line: everything before it belongs to earlier writers. */
  readonly offset: number
}

/** Opens a log for appending, mode 0600 when it is new. @throws StorageError */
export async function openLog(path: string): Promise<OpenLog> {
  let handle: FileHandle | undefined
  try {
    handle = await open(path, 'a', 0o600)
    const opened = handle
    const { size } = await opened.stat()
    // The writer has its own descriptor.
    const close = (): Promise<void> => opened.close().catch(() => undefined)
    return { fd: opened.fd, offset: size, [Symbol.asyncDispose]: close }
  } catch (error) {
    await handle?.close().catch(() => undefined)
    throw storageError('open the log', path, error)
  }
}

/** As virtlogd does it (virtlogd.conf of libvirt 9.0: `max_size`, `max_backups`). */
const KEPT_BYTES = 2 * 1024 * 1024
const KEPT_BACKUPS = 3

/**
 * Opens a log that is kept, makes its directory, and writes a heading with the time. A log that is full is renamed to `PATH.0`, the one before to `PATH.1`, and so
 * on; the oldest goes.
 * @throws StorageError
 */
export async function openKeptLog(path: string, heading: string): Promise<OpenLog> {
  await makeDirectory(dirname(path))
  const size = await stat(path).then(
    (facts) => facts.size,
    () => 0,
  )
  if (size >= KEPT_BYTES) await rotate(path)
  const log = await openLog(path)
  // A full disk under the log does not prevent a start.
  const line = `${new Date().toISOString()} ${printable(heading)}\n`
  const written = await promisify(write)(log.fd, line).catch(() => ({ bytesWritten: 0 }))
  return { ...log, offset: log.offset + written.bytesWritten }
}

/** A log that cannot be renamed keeps growing. */
async function rotate(path: string): Promise<void> {
  for (let number = KEPT_BACKUPS - 1; number >= 0; number -= 1) {
    const from = number === 0 ? path : `${path}.${number - 1}`
    await rename(from, `${path}.${number}`).catch(() => undefined)
  }
}

/** Opens a log of another process for reading. @throws StorageError */
export async function openLogToRead(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    throw storageError('open the log', path, error)
  }
}

/** The end of a file from `offset` on, at most `maxBytes` of it; empty when it cannot be read. */
export function readTail(path: string, offset: number, maxBytes: number): string {
  let fd: number | undefined
  try {
    fd = openSync(path, 'r')
    const { size } = fstatSync(fd)
    const start = Math.max(offset, size - maxBytes, 0)
    const bytes = Buffer.alloc(Math.max(0, size - start))
    return bytes.toString('utf8', 0, readSync(fd, bytes, 0, bytes.length, start))
  } catch {
    return ''
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/** Appends a text to a file, mode 0600 when it is new. Does nothing if that is not possible. */
export function appendToLog(path: string, text: string): void {
  try {
    appendFileSync(path, text, { mode: 0o600 })
  } catch {
    // There is nobody to report it to.
  }
}
