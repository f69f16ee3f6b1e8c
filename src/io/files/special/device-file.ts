import { constants, fstatSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { StorageError, UsageError } from '../../../errors.ts'
import { storageError } from '../../storage-error.ts'
import { DirectFile } from '../direct-file.ts'
import { deviceLength } from '../../system-calls.ts'

/**
 * A block device that is written from its beginning on, in place of a file. The kernel makes sure that nobody else uses it meanwhile: it is neither
 * mounted nor part of another device, nor becomes so.
 */
export class DeviceFile implements AsyncDisposable {
  readonly kind = 'device'
  readonly finalPath: string
  readonly file: DirectFile
  /** Bytes that it holds. */
  readonly length: number

  private constructor(path: string, file: DirectFile) {
    this.finalPath = path
    this.file = file
    this.length = deviceLength(file.fd)
  }

  /** @throws UsageError BAD_ARGUMENT when the device is in use, StorageError */
  static async open(path: string, options: { readonly direct: boolean }): Promise<DeviceFile> {
    const file = await DirectFile.open(path, 'exclusive', options).catch((error: unknown) => {
      throw busy(path, error) ?? error
    })
    try {
      if (fstatSync(file.fd).isBlockDevice()) return new DeviceFile(path, file)
      throw new StorageError('IO_ERROR', `Could not open ${path}: it is not a block device`, {
        path,
      })
    } catch (error) {
      await file.close().catch(() => undefined)
      throw error
    }
  }

  /** Makes everything that was written durable. @throws StorageError */
  async publish(): Promise<void> {
    await this.file.sync()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.file.close().catch(() => undefined)
  }
}

/** The length of a block device that nobody uses; changes nothing. @throws UsageError BAD_ARGUMENT when it is in use, StorageError */
export async function freeDeviceLength(path: string): Promise<number> {
  try {
    const flags = constants.O_RDONLY | constants.O_EXCL | constants.O_NONBLOCK
    await using handle = await open(path, flags)
    return deviceLength(handle.fd)
  } catch (error) {
    throw busy(path, error) ?? storageError('open the device', path, error)
  }
}

function busy(path: string, error: unknown): UsageError | undefined {
  const { code, cause } = error as NodeJS.ErrnoException
  if (code !== 'EBUSY' && (cause as NodeJS.ErrnoException | undefined)?.code !== 'EBUSY')
    return undefined
  return new UsageError(
    'BAD_ARGUMENT',
    `${path} cannot be overwritten: it is mounted, or belongs to a volume group, an array or the swap space`,
    { path, cause: error, hint: 'Save to another device, or to a file' },
  )
}
