import { randomBytes } from 'node:crypto'
import { link } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { makeDirectory } from '../../io/files/directory.ts'
import {
  type RecordKind,
  fieldsOf,
  readRecordFile,
  recordsIn,
  writeRecordFile,
} from '../../io/records/record-file.ts'
import { removeFile } from '../../io/files/file-names.ts'
import { storageError } from '../../io/storage-error.ts'
import {
  type ProcessIdentity,
  identifyProcess,
  isProcessIdentity,
} from '../../qemu/process/process-identity.ts'
import type { RuntimePaths } from './runtime-paths.ts'

/** The record of a second name, which outlives the host. */
export interface SecondNameRecord {
  /** The second name. */
  readonly path: string
  /** The domain that is restored from it. */
  readonly domain: string
  /** Who made it. Once this process has ended, only the record of the restore needs it. */
  readonly maker: ProcessIdentity
}

/** A second name of an image (a hard link beside it), so that the file outlives its first name. Disposing it removes the name unless it is detached. */
export class SecondName implements AsyncDisposable {
  readonly path: string
  readonly #paths: RuntimePaths
  #detached = false

  private constructor(path: string, paths: RuntimePaths) {
    this.path = path
    this.#paths = paths
  }

  /** Makes one for the restore of a domain. @throws StorageError where the file system has no hard links, or does not allow this one */
  static async of(image: string, paths: RuntimePaths): Promise<SecondName> {
    const path = `${image}.kept-${randomBytes(4).toString('hex')}`
    const maker = await identifyProcess(process.pid)
    if (maker !== undefined) {
      await makeDirectory(paths.secondNames)
      const record = { path, domain: paths.name, maker }
      // First, because a power cut leaves the name and takes the record of the restore.
      await writeRecordFile(SECOND_NAME, recordOf(paths, path), record, { durable: true })
    }
    try {
      await link(image, path)
    } catch (error) {
      await removeFile(recordOf(paths, path))
      throw storageError('give the image a second name', image, error)
    }
    return new SecondName(path, paths)
  }

  /** Leaves the name to the process that removes the record of the restore. */
  detach(): void {
    this.#detached = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#detached) await removeSecondName(this.#paths, this.path)
  }
}

/** Removes a second name of an image, and then its record. @throws StorageError */
export async function removeSecondName(
  paths: Pick<RuntimePaths, 'secondNames'>,
  path: string,
): Promise<void> {
  await removeFile(path)
  await removeFile(recordOf(paths, path))
}

/** The second names that were made and not removed. @throws StorageError */
export async function listSecondNames(directory: string): Promise<readonly SecondNameRecord[]> {
  const names = await recordsIn(directory, 'look for second names of images')
  const records = names.map((name) => readRecordFile(SECOND_NAME, join(directory, `${name}.json`)))
  return (await Promise.all(records)).filter((record) => record !== undefined)
}

/** Named by the end of the second name. */
function recordOf({ secondNames }: Pick<RuntimePaths, 'secondNames'>, path: string): string {
  return join(secondNames, `${extname(path).slice(1)}.json`)
}

const SECOND_NAME: RecordKind<SecondNameRecord> = {
  what: 'the record of a second name of an image',
  version: 1,
  parse(value) {
    const { path, domain, maker } = fieldsOf(value) ?? {}
    const fits = typeof path === 'string' && typeof domain === 'string' && isProcessIdentity(maker)
    return fits ? { path, domain, maker } : undefined
  },
}
