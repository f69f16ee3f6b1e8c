import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { storageError } from '../../errors.ts'
import { removeImage, removeLeftovers } from '../../image/remove-image.ts'
import { isReachable, isThere } from '../../io/file-names.ts'
import { readTail } from '../../io/log-file.ts'
import { endQemu } from '../../qemu/end.ts'
import { findOrphans } from '../../qemu/find-orphans.ts'
import { isAlive } from '../../qemu/process-identity.ts'
import { lastLines } from '../../qemu/process.ts'
import { recordEnd } from './last-end.ts'
import { DomainLock } from './lock.ts'
import type { RuntimePaths } from './runtime-paths.ts'
import { type RuntimeRecord, readRecord, writeRecord } from './runtime-record.ts'
import { isSaved } from './save-intent.ts'

/**
 * The record of the domain's running QEMU, if any. Callers need not hold the lock. Removes the remains of a dead QEMU or an interrupted start, unless
 * another process holds the lock.
 * @throws StorageError
 */
export async function observe(paths: RuntimePaths): Promise<RuntimeRecord | undefined> {
  if (!(await isThere(paths.directory))) return undefined
  const record = await findAlive(paths)
  if (record !== undefined && !(await needsRecovery(paths, record))) return record
  const lock = await DomainLock.tryAcquire(paths, 'clean-up')
  if (!(lock instanceof DomainLock)) return record
  await using _lock = lock
  return await reconcile(paths)
}

/**
 * Makes the runtime directory and reality agree. Ends the QEMU of an interrupted start, and one whose guest is safe in an image; removes the files of
 * a dead one and the file of a killed save. Returns the record of a running QEMU. Callers must hold the lock.
 * @throws StorageError, QemuError QEMU_TIMEOUT
 */
export async function reconcile(paths: RuntimePaths): Promise<RuntimeRecord | undefined> {
  const record = await readRecord(paths)
  const reconciled = await reconcileQemu(paths, record)
  if (record?.saving !== undefined) await removeLeftovers(record.saving.path, false)
  await removeLeftovers(paths.managedSave, true)
  return reconciled
}

async function reconcileQemu(
  paths: RuntimePaths,
  record: RuntimeRecord | undefined,
): Promise<RuntimeRecord | undefined> {
  if (record === undefined) {
    await endOrphans(paths)
    return clearDead(paths)
  }
  if (!(await isAlive(record))) {
    if (record.stage === 'running') await recordDeath(paths, record)
    return clearDead(paths)
  }
  if (record.stage === 'starting') {
    await endQemu(record, { force: true })
    return clearDead(paths)
  }
  const { saving } = record
  if (saving === undefined) {
    await removeConsumedManagedSave(paths, record)
    return record
  }
  if (await isSaved(saving)) {
    await endQemu(record)
    await recordEnd(paths, 'saved', { image: saving.path })
    return clearDead(paths)
  }
  const left = { ...record, saving: undefined, interrupted: saving.running || record.interrupted }
  await writeRecord(paths, left)
  return left
}

/** Ends a QEMU whose starter was killed before it could record the process; the XML is written just before the start. */
async function endOrphans(paths: RuntimePaths): Promise<void> {
  if (!(await isThere(paths.liveXml))) return
  const monitors = { control: paths.controlSocket, query: paths.querySocket }
  for (const orphan of await findOrphans(monitors)) await endQemu(orphan, { force: true })
}

/** Removes the managed save that the guest came from, once the guest has run and all its memory is there. @throws StorageError */
export async function removeConsumedManagedSave(
  paths: RuntimePaths,
  { restoredFrom }: Pick<RuntimeRecord, 'restoredFrom'>,
): Promise<void> {
  if (restoredFrom?.managed !== true || !restoredFrom.begun || (await isThere(paths.postcopy)))
    return
  await removeImage(restoredFrom.path)
}

async function needsRecovery(paths: RuntimePaths, record: RuntimeRecord): Promise<boolean> {
  const { stage, saving, restoredFrom } = record
  if (stage === 'starting' || saving !== undefined) return true
  if (restoredFrom?.managed !== true || !restoredFrom.begun) return false
  return (await isThere(restoredFrom.path)) && !(await isThere(paths.postcopy))
}

async function clearDead(paths: RuntimePaths): Promise<undefined> {
  await clearRuntime(paths)
  return undefined
}

/** QEMU removes its listening sockets when it ends by itself, and cannot when it crashes or is killed (7.2 and 10.0). */
async function recordDeath(paths: RuntimePaths, record: RuntimeRecord): Promise<void> {
  if (record.saving !== undefined && (await isSaved(record.saving))) {
    await recordEnd(paths, 'saved', { image: record.saving.path })
    return
  }
  if (record.restoredFrom?.managed === true && record.restoredFrom.begun)
    await removeImage(record.restoredFrom.path)
  if (await isReachable(paths.controlSocket))
    await recordEnd(paths, 'crashed', { lastLines: lastLines(readTail(paths.log, 0, TAIL_BYTES)) })
  else await recordEnd(paths, 'shutdown')
}

const TAIL_BYTES = 4096

/** Removes all files of a dead QEMU from its runtime directory. Callers must hold the lock. @throws StorageError */
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
