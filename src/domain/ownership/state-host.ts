import { hostname } from 'node:os'
import { InternalError, StorageError } from '../../errors.ts'
import { makeDirectory } from '../../io/files/directory.ts'
import { hostId } from '../../io/host-id.ts'
import { createRecordFile, readRecordFile, writeRecordFile } from '../../io/records/record-file.ts'
import type { Directories } from '../store/directories.ts'
import { hostDirectory } from '../store/host-directory.ts'
import {
  OWN_STATE_HOST,
  SHARED_STATE_HOST,
  STATE_HOST,
  type SavePlace,
  type StateHost,
  stateHostPath,
} from '../store/state-host-record.ts'
import { requireLocalRuntime } from './local-runtime.ts'
import { markShared, requireNotAway } from './shared-mark.ts'

/**
 * Records that this host uses the state directory, unless that is recorded already. A second host would take the domains of the first for ended ones
 * and start them again on the same disks, unless the directory is shared.
 * @throws StorageError STATE_OF_ANOTHER_HOST, STATE_MISSING, RUNTIME_NOT_LOCAL and others
 */
export async function claimStateDirectory(directories: Directories): Promise<void> {
  const { stateDir } = directories
  const path = stateHostPath(stateDir)
  const own = { id: hostId(), name: hostname() }
  let recorded = await readRecordFile(STATE_HOST, path)
  if (recorded === undefined) {
    await requireNotAway(directories)
    await makeDirectory(stateDir)
    if (await createRecordFile(OWN_STATE_HOST, path, own)) return
    // Another command was faster, perhaps on another host.
    recorded = await readRecordFile(STATE_HOST, path)
  }
  if (recorded === undefined) return
  if (recorded.shared !== 'yes' && recorded.id !== own.id) throw fault(stateDir, recorded)
  if (recorded.shared === undefined) return
  await requireLocalRuntime(directories)
  await makeDirectory(hostDirectory(stateDir))
  await markShared(directories)
}

/**
 * Whether several hosts use the state directory, or are about to, so that a domain has an owner. The answer does not change while a caller holds the lock of a domain.
 * @throws StorageError
 */
export async function isShared({ stateDir }: Directories): Promise<boolean> {
  return (await readRecordFile(STATE_HOST, stateHostPath(stateDir)))?.shared !== undefined
}

/** Records durably that the directory of this host is shared, or is about to be. @throws StorageError STATE_OF_ANOTHER_HOST and others */
export async function recordSharing(
  directories: Directories,
  shared: 'begun' | 'yes',
): Promise<void> {
  await claimStateDirectory(directories)
  const path = stateHostPath(directories.stateDir)
  const recorded = await readRecordFile(STATE_HOST, path)
  if (recorded?.shared === 'yes') return
  const own = { id: hostId(), name: hostname() }
  await writeRecordFile(SHARED_STATE_HOST, path, { ...own, shared }, { durable: true })
}

/** Records durably where all hosts of a shared directory keep the managed saves. @throws StorageError */
export async function recordSavePlace(
  { stateDir }: Directories,
  saves: SavePlace | undefined,
): Promise<void> {
  const path = stateHostPath(stateDir)
  const recorded = await readRecordFile(STATE_HOST, path)
  if (recorded?.shared !== 'yes') throw new InternalError(`${stateDir} is not shared`)
  const kind = saves === undefined ? SHARED_STATE_HOST : STATE_HOST
  await writeRecordFile(kind, path, { ...recorded, saves }, { durable: true })
}

/** The error for a state directory that another host uses; `undefined` where none does. Writes nothing. @throws StorageError */
export async function foreignHostFault({
  stateDir,
}: Directories): Promise<StorageError | undefined> {
  const recorded = await readRecordFile(STATE_HOST, stateHostPath(stateDir))
  if (recorded === undefined || recorded.shared === 'yes' || recorded.id === hostId())
    return undefined
  return fault(stateDir, recorded)
}

/** Checks that the state directory is there, if it is a shared one, before something is written into it. @throws StorageError STATE_MISSING and others */
export async function requireThere(directories: Directories): Promise<void> {
  const recorded = await readRecordFile(STATE_HOST, stateHostPath(directories.stateDir))
  if (recorded === undefined) await requireNotAway(directories)
}

/** Like `claimStateDirectory`, for callers that only look. @throws StorageError STATE_OF_ANOTHER_HOST and others */
export async function requireOwnHost(directories: Directories): Promise<void> {
  const foreign = await foreignHostFault(directories)
  if (foreign !== undefined) throw foreign
}

function fault(stateDir: string, { name }: StateHost): StorageError {
  const path = stateHostPath(stateDir)
  return new StorageError(
    'STATE_OF_ANOTHER_HOST',
    `The state directory ${stateDir} belongs to host '${name}', and this is another host`,
    {
      operation: 'use the directory',
      path,
      hint: `Use a state directory of this host, or share this one: \`stasis state-share\` on '${name}'. If this host was '${name}' before it was installed anew, or if '${name}' no longer exists: remove ${path}, and everything else stays as it is`,
    },
  )
}
