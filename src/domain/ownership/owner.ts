import { hostname } from 'node:os'
import { join } from 'node:path'
import { namesIn } from '../../io/files/directory.ts'
import { hostId } from '../../io/host-id.ts'
import { type Version, addVersion, newestVersion } from '../../io/records/version-chain.ts'
import { isText } from '../../io/records/field-checks.ts'
import { type RecordKind, fieldsOf, parseRecord, recordText } from '../../io/records/record-file.ts'
import { readBootId } from '../../qemu/process/process-identity.ts'
import type { Directories } from '../store/directories.ts'

/** A place where a domain can run: a boot of a host, and a runtime directory. */
export interface Place {
  readonly hostId: string
  readonly hostName: string
  readonly bootId: string
  readonly runtimeDir: string
}

/** A place whose process has a domain. */
export interface Tenant extends Place {
  readonly pid: number
  readonly startTime: number
  /** ISO 8601, by the clock of that host. */
  readonly since: string
}

/** The owner of a domain in a shared state directory: `owners/NAME/GENERATION.json`, of which the newest counts. */
export interface Owner {
  /** Where it runs. `generation` is that in which the place took it; the process is its QEMU. */
  readonly runner?: (Tenant & { readonly generation: number }) | undefined
  /** The command that is changing it. */
  readonly holder?: (Tenant & { readonly verb: string }) | undefined
}

/** An owner, and the generation that it was read from: 0 if nobody has ever had the domain. */
export interface FoundOwner extends Owner {
  readonly generation: number
}

/** The place of this process. @throws StorageError */
export async function thisPlace({ runtimeDir }: Directories): Promise<Place> {
  return { hostId: hostId(), hostName: hostname(), bootId: await readBootId(), runtimeDir }
}

/** The owner of a domain. @throws StorageError STATE_UNREADABLE, STATE_TOO_NEW, and others */
export async function readOwner(directories: Directories, name: string): Promise<FoundOwner> {
  const version = await newestVersion(ownerDirectory(directories, name))
  return version === undefined ? { generation: 0 } : ownerIn(directories, name, version)
}

function ownerIn(directories: Directories, name: string, { number, text }: Version): FoundOwner {
  const path = join(ownerDirectory(directories, name), `${number}.json`)
  return { ...parseRecord(OWNER, path, text), generation: number }
}

/** Records the next owner durably, unless another process was faster. Returns whether it did. @throws StorageError */
export async function changeOwner(
  directories: Directories,
  name: string,
  before: number,
  next: Owner,
): Promise<boolean> {
  const directory = ownerDirectory(directories, name)
  return addVersion(directory, before, recordText(OWNER, next))
}

/** The names of all domains that have or had an owner. @throws StorageError */
export async function listOwned({
  stateDir,
}: Pick<Directories, 'stateDir'>): Promise<readonly string[]> {
  return namesIn(join(stateDir, OWNERS), 'list the owners of domains')
}

const OWNERS = 'owners'

function ownerDirectory({ stateDir }: Directories, name: string): string {
  return join(stateDir, OWNERS, name)
}

const OWNER: RecordKind<Owner> = {
  what: 'the owner of a domain',
  version: 1,
  hint: 'It says which host runs the domain. If none does, remove the directory of the file',
  parse(value) {
    const { runner, holder } = fieldsOf(value) ?? {}
    const fits =
      fieldsOf(value) !== undefined &&
      (runner === undefined ||
        (isTenant(runner) && Number.isSafeInteger(fieldsOf(runner)?.['generation']))) &&
      (holder === undefined || (isTenant(holder) && isText(fieldsOf(holder)?.['verb'])))
    return fits ? ({ runner, holder } as Owner) : undefined
  },
}

function isTenant(value: unknown): boolean {
  const { pid, startTime, ...texts } = fieldsOf(value) ?? {}
  return (
    [pid, startTime].every(Number.isSafeInteger) &&
    ['hostId', 'hostName', 'bootId', 'runtimeDir', 'since'].every((name) => isText(texts[name]))
  )
}
