import { execFile } from 'node:child_process'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { StorageError, inOneLine } from '../../errors.ts'
import { isThere } from '../../io/files/file-names.ts'
import { cleanEnvironment } from '../../io/processes/clean-environment.ts'
import { findQemuImg } from './find-qemu-img.ts'

const run = promisify(execFile)

/** A disk that receives all writes, on top of one that does not change. */
export interface Overlay {
  /** Must not exist. */
  readonly path: string
  readonly backing: string
  readonly backingFormat: string
}

/** Makes a qcow2 overlay with the `qemu-img` beside the emulator, or else the one in PATH. @throws StorageError */
export async function createOverlay(overlay: Overlay, emulator: string): Promise<void> {
  const { path, backing, backingFormat } = overlay
  const operation = 'make a disk overlay'
  if (await isThere(path)) {
    throw new StorageError('FILE_EXISTS', `Could not ${operation}: ${path} already exists`, {
      operation,
      path,
      hint: 'It may be the disk of another clone: use another name or directory',
    })
  }
  const directory = dirname(path)
  if (!(await isThere(directory))) {
    throw new StorageError(
      'FILE_NOT_FOUND',
      `Could not ${operation}: ${directory} does not exist`,
      {
        operation,
        path: directory,
        hint: `Make that directory first: mkdir -p ${directory}`,
      },
    )
  }
  const argv = ['create', '-q', '-f', 'qcow2', '-b', backing, '-F', backingFormat, path]
  try {
    await run(await findQemuImg(emulator), argv, { env: cleanEnvironment() })
  } catch (cause) {
    const { code, stderr } = cause as { code?: unknown; stderr?: string }
    const isMissing = code === 'ENOENT'
    const reason = isMissing ? 'qemu-img was not found' : inOneLine(stderr?.trim() || String(cause))
    // The error of Node repeats what qemu-img wrote.
    throw new StorageError('IO_ERROR', `Could not ${operation} of ${backing}: ${reason}`, {
      operation,
      path,
      ...(isMissing && {
        hint: 'Install qemu-img, which belongs to QEMU: apt-get install qemu-utils',
      }),
    })
  }
}
