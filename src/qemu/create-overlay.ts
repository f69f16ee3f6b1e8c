import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { StorageError } from '../errors.ts'
import { isThere } from '../io/file-names.ts'
import { cleanEnvironment } from '../io/clean-environment.ts'
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
  const argv = ['create', '-q', '-f', 'qcow2', '-b', backing, '-F', backingFormat, path]
  try {
    await run(await findQemuImg(emulator), argv, { env: cleanEnvironment() })
  } catch (cause) {
    const { code, stderr } = cause as { code?: unknown; stderr?: string }
    const reason = code === 'ENOENT' ? 'qemu-img was not found' : stderr?.trim() || String(cause)
    throw new StorageError('IO_ERROR', `Could not ${operation} of ${backing}: ${reason}`, {
      operation,
      path,
      hint: 'Install qemu-img, which belongs to QEMU: apt-get install qemu-utils',
      cause,
    })
  }
}
