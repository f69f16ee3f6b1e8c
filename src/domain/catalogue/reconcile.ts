import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { storageError } from '../../io/storage-error.ts'
import { removeImage, removeLeftovers } from '../../image/remove-image.ts'
import { removeAllAbandoned } from '../../io/files/partial-file.ts'
import { removeTree } from '../../io/files/directory.ts'
import { removeFile } from '../../io/files/file-names.ts'
import { removeDeadSocket } from '../../io/sockets/connect-socket.ts'
import { listeningSockets } from '../../qemu/command-line/listening-sockets.ts'
import { endQemu } from '../../qemu/process/end.ts'
import { type ProcessIdentity, mayHoldFiles } from '../../qemu/process/process-identity.ts'
import { announceEnd } from './announce-end.ts'
import { type Condition, conditionOf, hasConsumedManagedSave } from './condition.ts'
import { settleManagedSave } from './consume-managed-save.ts'
import { settleSnapshot } from './settle-snapshot.ts'
import { Configuration } from '../configuration/configuration.ts'
import { appendEntry, thisAuthor } from '../journal/append-entry.ts'
import { type StoredJob, closeKilledJob, readJob } from '../store/job-record.ts'
import type { Directories } from '../store/directories.ts'
import { writeEnd } from '../store/last-end.ts'
import { NO_IMAGE, nameDisksInUse } from './disks-in-use.ts'
import { endRecorded } from './own-qemu.ts'
import { removeKept } from '../store/postcopy-record.ts'
import { removeOverlays } from '../store/transient-overlays.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'
import { type RuntimeRecord, readRecord, writeRecord } from '../store/runtime-record.ts'
import { requireSaves } from '../store/saves/save-directory.ts'

/**
 * Makes the runtime directory and reality agree: ends the QEMU of a killed start, and one whose guest is safe in an image; removes the files of a
 * dead QEMU, and those of a killed operation. If the guest has ended by itself, the hooks hear of it. Returns the record of a running QEMU. Callers must hold the lock.
 * @throws StorageError, STATE_UNREADABLE, STATE_TOO_NEW and STATE_MISSING when the condition of the domain is unknown, and nothing was changed; QemuError
 * QEMU_TIMEOUT
 */
export async function reconcile(
  paths: RuntimePaths,
  directories: Directories,
): Promise<RuntimeRecord | undefined> {
  const begun = await readRecord(paths)
  const condition = await conditionOf(paths)
  if (needsSaves(condition, begun, paths)) await requireSaves(directories)
  const job = await readJob(paths.job).catch(() => undefined)
  // Before the records forget where they are. A save that was failing when it was killed has withdrawn its intent.
  const image = begun?.saving?.path ?? begun?.snapshot?.image ?? job?.image
  if (image !== undefined) {
    await waitForKilled(job?.process)
    await removeLeftovers(image, false)
  }
  if (condition.kind === 'save-killed' && begun?.saving?.imageId === NO_IMAGE)
    // The guest must continue in any case.
    await nameDisksInUse(paths, directories).catch(() => undefined)
  const record = await apply(paths, condition, directories)
  const succeeded = condition.kind === 'ended' && condition.end?.reason === 'saved'
  const killed = await closeKilledJob(paths, { succeeded })
  if (killed !== undefined)
    await keepKilled(paths, killed, { succeeded, image: begun?.saving?.path })
  if (record !== undefined) await removeRemains(paths)
  else await clearRuntime(paths)
  await removeLeftovers(paths.managedSave, true)
  await announceEnd(paths, condition, directories)
  return record
}

/** Whether the domain may be in its managed save, so that nothing is known without the storage of the managed saves. A guest whose save to another file was killed continues. */
function needsSaves(
  { kind }: Condition,
  begun: RuntimeRecord | undefined,
  { managedSave, safetyCopy }: RuntimePaths,
): boolean {
  if (kind !== 'save-killed') return kind !== 'running'
  return [managedSave, safetyCopy].includes(begun?.saving?.path ?? '')
}

/** Records in the journal that an act was killed. A journal that cannot be written does no harm. */
async function keepKilled(
  { name, journal }: RuntimePaths,
  { operation, startedAt, process: { pid } }: StoredJob,
  { succeeded, image }: { readonly succeeded: boolean; readonly image: string | undefined },
): Promise<void> {
  const entry = {
    ...{ act: operation, domain: name, image, time: new Date().toISOString() },
    durationMs: Math.max(0, Date.now() - Date.parse(startedAt)),
    ...({ outcome: succeeded ? 'completed' : 'failed', code: 'KILLED' } as const),
    error: `Process ${pid}, which was doing it, was killed`,
    by: thisAuthor(),
  }
  await Configuration.read()
    .then((configuration) => appendEntry(journal, entry, configuration))
    .catch(() => undefined)
}

/** A killed process drops its locks one after another, that of the domain among the first. */
const DEATH_MS = 5000

async function waitForKilled(killed: ProcessIdentity | undefined): Promise<void> {
  if (killed === undefined || killed.pid === process.pid) return
  const deadline = performance.now() + DEATH_MS
  while ((await mayHoldFiles(killed)) && performance.now() < deadline) await delay(LOOK_MS)
}

const LOOK_MS = 5

async function apply(
  paths: RuntimePaths,
  condition: Condition,
  directories: Directories,
): Promise<RuntimeRecord | undefined> {
  switch (condition.kind) {
    case 'unrecorded':
      for (const qemu of condition.starting) await endQemu(qemu, { force: true })
      return undefined
    case 'start-killed':
      await endRecorded(paths, condition.record, { force: true })
      return undefined
    case 'ended': {
      const { record, alive, end } = condition
      if (alive) await endRecorded(paths, record)
      if (hasConsumedManagedSave(condition)) await removeImage(record.restoredFrom?.path ?? '')
      if (end !== undefined) await writeEnd(paths, end)
      return undefined
    }
    case 'save-killed':
      await writeRecord(paths, condition.record)
      return settleSnapshot(paths, condition.record, directories)
    case 'running':
      return settleManagedSave(paths, await settleSnapshot(paths, condition.record, directories))
  }
}

/** Removes the remains of a killed operation beside a running QEMU. */
async function removeRemains(paths: RuntimePaths): Promise<void> {
  await removeFile(paths.migrationSocket)
  await removeAllAbandoned(paths.directory)
}

/** Removes all files of a dead QEMU from its runtime directory. Callers must hold the lock. @throws StorageError */
export async function clearRuntime(paths: RuntimePaths): Promise<void> {
  try {
    await removeKept(paths)
    await removeListeningSockets(paths)
    await removeOverlays(paths)
    const names = await readdir(paths.directory)
    // The record is last, because it explains the other files.
    const others = names
      .map((name) => join(paths.directory, name))
      .filter((path) => path !== paths.process)
    for (const path of [...others, paths.process]) if (path !== paths.lock) await removeTree(path)
  } catch (error) {
    throw storageError('clear the runtime directory', paths.directory, error)
  }
}

/** A QEMU that was killed, or that is another user, leaves those in directories of others. */
async function removeListeningSockets(paths: RuntimePaths): Promise<void> {
  const record = await readRecord(paths).catch(() => undefined)
  if (record === undefined || record.attached !== undefined) return
  for (const path of listeningSockets(record.commandLine)) await removeDeadSocket(path)
}
