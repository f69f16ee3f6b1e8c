import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { StorageError } from '../../errors.ts'
import { makeDirectory } from '../../io/files/directory.ts'
import {
  type RecordKind,
  createRecordFile,
  fieldsOf,
  readRecordFile,
} from '../../io/files/record-file.ts'
import type { Directories } from './directories.ts'

/** The host that a state directory belongs to. */
interface StateHost {
  /** See `hostId`. */
  readonly id: string
  /** Its name, for people. */
  readonly name: string
}

/**
 * Records that this host uses the state directory, unless that is recorded already. A second host would take the domains of the first for ended ones
 * and start them again on the same disks.
 * @throws StorageError STATE_OF_ANOTHER_HOST and others
 */
export async function claimStateDirectory({ stateDir }: Directories): Promise<void> {
  const path = recordPath(stateDir)
  const own = { id: await hostId(), name: hostname() }
  let recorded = await readRecordFile(STATE_HOST, path)
  if (recorded === undefined) {
    await makeDirectory(stateDir)
    if (await createRecordFile(STATE_HOST, path, own)) return
    // Another command was faster, perhaps on another host.
    recorded = await readRecordFile(STATE_HOST, path)
  }
  if (recorded !== undefined && recorded.id !== own.id) throw fault(stateDir, recorded)
}

/** The error for a state directory that another host uses; `undefined` where none does. Writes nothing. @throws StorageError */
export async function foreignHostFault({
  stateDir,
}: Directories): Promise<StorageError | undefined> {
  const recorded = await readRecordFile(STATE_HOST, recordPath(stateDir))
  if (recorded === undefined || recorded.id === (await hostId())) return undefined
  return fault(stateDir, recorded)
}

/** Like `claimStateDirectory`, for callers that only look. @throws StorageError STATE_OF_ANOTHER_HOST and others */
export async function requireOwnHost(directories: Directories): Promise<void> {
  const foreign = await foreignHostFault(directories)
  if (foreign !== undefined) throw foreign
}

function fault(stateDir: string, { name }: StateHost): StorageError {
  const path = recordPath(stateDir)
  return new StorageError(
    'STATE_OF_ANOTHER_HOST',
    `The state directory ${stateDir} belongs to host '${name}', and this is another host`,
    {
      operation: 'use the directory',
      path,
      hint: `Use a state directory of this host. If this host was '${name}' before it was installed anew, or if '${name}' no longer exists: remove ${path}, and everything else stays as it is`,
    },
  )
}

/** The places of the host's own id (machine-id(5)). */
const MACHINE_IDS = ['/etc/machine-id', '/var/lib/dbus/machine-id']

/**
 * Identifies this host: `STASIS_HOST_ID`, or a digest of its machine id, which itself must not be shown to others (machine-id(5)), or of its name
 * where it has none.
 */
async function hostId(): Promise<string> {
  const given = process.env['STASIS_HOST_ID']
  if (given !== undefined && given !== '') return given
  for (const path of MACHINE_IDS) {
    const id = (await readFile(path, 'latin1').catch(() => '')).trim()
    if (/^[0-9a-f]{32}$/.test(id)) return digestOf(`machine ${id}`)
  }
  return digestOf(`name ${hostname()}`)
}

function digestOf(text: string): string {
  return createHash('sha256').update(`stasis ${text}`).digest('hex').slice(0, 32)
}

function recordPath(stateDir: string): string {
  return join(stateDir, 'host.json')
}

const STATE_HOST: RecordKind<StateHost> = {
  what: 'the host of a state directory',
  version: 1,
  hint: 'If no other host uses this directory, remove the file: it is written again',
  parse(value) {
    const fields = fieldsOf(value)
    const fits = [fields?.['id'], fields?.['name']].every((text) => typeof text === 'string')
    return fits ? (fields as unknown as StateHost) : undefined
  },
}
