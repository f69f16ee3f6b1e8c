import { execFile } from 'node:child_process'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { StorageError, inOneLine } from '../../errors.ts'
import { syncDirectory, syncFile } from '../../io/files/partial-file.ts'
import { cleanEnvironment } from '../../io/processes/clean-environment.ts'
import { isThere } from '../../io/files/file-names.ts'
import { findQemuImg } from './find-qemu-img.ts'

const run = promisify(execFile)

/** An overlay on a disk that a QEMU may have open. */
export interface NewOverlay {
  /** Must not exist. */
  readonly path: string
  readonly backing: string
  readonly backingFormat: string
  /** The size of the disk; without it, `qemu-img` opens the backing file, which no QEMU may have open then. */
  readonly sizeBytes?: number | undefined
}

/** Makes an empty qcow2 file on top of another file, durably. @throws StorageError */
export async function makeOverlay(overlay: NewOverlay, emulator: string): Promise<void> {
  const { path, backing, backingFormat, sizeBytes } = overlay
  if (await isThere(path)) {
    const operation = 'make a disk overlay'
    throw new StorageError('FILE_EXISTS', `Could not ${operation}: ${path} already exists`, {
      operation,
      path,
    })
  }
  const size = sizeBytes === undefined ? [] : ['-u', path, String(sizeBytes)]
  const argv = ['create', '-q', '-f', 'qcow2', '-b', backing, '-F', backingFormat]
  await qemuImg(
    'make a disk overlay',
    path,
    [...argv, ...(size.length > 0 ? size : [path])],
    emulator,
  )
  await flush(path)
}

/** Writes the content of an overlay into its backing file, which is then the same disk. The overlay stays. @throws StorageError */
export async function commitOverlay(path: string, emulator: string): Promise<void> {
  const argv = ['commit', '-q', '-f', 'qcow2', '-d', '-t', 'writeback', path]
  await qemuImg('merge a disk overlay', path, argv, emulator)
}

/** Gives an overlay another backing file with the same content. @throws StorageError */
export async function rebaseOverlay(
  path: string,
  { backing, backingFormat }: Pick<NewOverlay, 'backing' | 'backingFormat'>,
  emulator: string,
): Promise<void> {
  const argv = ['rebase', '-q', '-u', '-f', 'qcow2', '-b', backing, '-F', backingFormat, path]
  await qemuImg('change the backing file of a disk overlay', path, argv, emulator)
  await flush(path)
}

async function qemuImg(
  operation: string,
  path: string,
  argv: readonly string[],
  emulator: string,
): Promise<void> {
  try {
    await run(await findQemuImg(emulator), argv, { env: cleanEnvironment() })
  } catch (cause) {
    const { code, stderr } = cause as { code?: unknown; stderr?: string }
    const isMissing = code === 'ENOENT'
    const reason = isMissing ? 'qemu-img was not found' : inOneLine(stderr?.trim() || String(cause))
    throw new StorageError('IO_ERROR', `Could not ${operation}, ${path}: ${reason}`, {
      operation,
      path,
      ...(isMissing && {
        hint: 'Install qemu-img, which belongs to QEMU: apt-get install qemu-utils',
      }),
    })
  }
}

async function flush(path: string): Promise<void> {
  await syncFile(path)
  await syncDirectory(dirname(path))
}
