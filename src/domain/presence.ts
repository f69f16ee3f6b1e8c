import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { storageError } from '../errors.ts'
import { endQemu } from '../qemu/end.ts'
import { DomainLock } from './lock.ts'
import { isAlive } from '../qemu/process-identity.ts'
import type { RuntimePaths } from './runtime-paths.ts'
import { type RuntimeRecord, readRecord } from './runtime-record.ts'

/**
 * What is known of a domain's QEMU when that lives, for who does not hold the lock. What a dead QEMU or a broken-off start left
 * behind is put away if nobody is at work on it.
 * @throws StorageError
 */
export async function observe(paths: RuntimePaths): Promise<RuntimeRecord | undefined> {
  if (!(await exists(paths.directory))) return undefined
  const record = await findAlive(paths)
  if (record?.stage === 'running') return record
  const lock = await DomainLock.tryAcquire(paths, 'clean-up')
  if (!(lock instanceof DomainLock)) return record
  await using _lock = lock
  return await settle(paths)
}

/**
 * Brings the runtime directory into line with what runs: the QEMU of a start that was broken off is ended, the files of one
 * that died are removed. Gives the record of a QEMU that runs. Only for who holds the lock.
 * @throws StorageError
 */
export async function settle(paths: RuntimePaths): Promise<RuntimeRecord | undefined> {
  const record = await findAlive(paths)
  if (record?.stage === 'running') return record
  if (record !== undefined) await endQemu(record, { force: true })
  await clearRuntime(paths)
  return undefined
}

/** Removes everything that a QEMU which is gone left in its runtime directory. Only for who holds the lock. @throws StorageError */
export async function clearRuntime(paths: RuntimePaths): Promise<void> {
  try {
    for (const name of await readdir(paths.directory)) {
      const path = join(paths.directory, name)
      if (path !== paths.lock) await rm(path, { recursive: true, force: true })
    }
  } catch (error) {
    throw storageError('clear the runtime directory', paths.directory, error)
  }
}

async function findAlive(paths: RuntimePaths): Promise<RuntimeRecord | undefined> {
  const record = await readRecord(paths)
  return record !== undefined && (await isAlive(record)) ? record : undefined
}

async function exists(directory: string): Promise<boolean> {
  try {
    await readdir(directory)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw storageError('read the runtime directory', directory, error)
  }
}
