import { basename, join } from 'node:path'
import { type Owner, makeDirectory, makeSocketDirectory } from '../../io/files/directory.ts'
import { removeFile } from '../../io/files/file-names.ts'
import type { Fields } from '../../io/records/record-file.ts'
import type { RuntimePaths } from './runtime-paths.ts'

/**
 * A QEMU that runs as another user. It opened its disks and sockets as root before it changed to that user. Later it can enter none of our directories:
 * the sockets of a transfer are in one of its own, which it reaches only through an inherited descriptor, so that no other QEMU of that user can.
 */
export interface Confinement extends Owner {
  readonly user: string
  /** The descriptor of `transferDirectory` in QEMU. */
  readonly directoryFd: number
}

/** The path under which QEMU finds a socket of `transferDirectory`. */
export function pathInQemu(confinement: Confinement | undefined, socket: string): string {
  if (confinement === undefined) return socket
  return `/proc/self/fd/${confinement.directoryFd}/${basename(socket)}`
}

/** A socket in that directory that serves only to disappear: QEMU removes it when it ends by itself, as it cannot remove those in other directories. */
export function endSocket({ transferDirectory }: RuntimePaths): string {
  return join(transferDirectory, 'end')
}

/** Makes the directory for the sockets of a transfer, empty. @throws StorageError */
export async function makeTransferDirectory(
  { transferDirectory }: RuntimePaths,
  owner: Owner | undefined,
): Promise<void> {
  await makeSocketDirectory(transferDirectory, owner)
}

/** Makes room for a socket of that directory. The QEMU of an earlier Stasis has no such directory. @throws StorageError */
export async function prepareTransferSocket(
  { transferDirectory }: RuntimePaths,
  socket: string,
): Promise<void> {
  await makeDirectory(transferDirectory)
  await removeFile(socket)
}

/** Whether the fields of a record describe a confinement. */
export function isConfinement(fields: Fields | undefined): boolean {
  const numbers = ['uid', 'gid', 'directoryFd'].map((name) => fields?.[name])
  return typeof fields?.['user'] === 'string' && numbers.every(Number.isSafeInteger)
}
