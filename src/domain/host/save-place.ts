import { randomBytes } from 'node:crypto'
import { realpath } from 'node:fs/promises'
import { DomainError, StorageError, UsageError, throwIfCancelled } from '../../errors.ts'
import { checkOwnDirectory, makeDirectory } from '../../io/files/directory.ts'
import { isReachable } from '../../io/files/file-names.ts'
import { isInside } from '../../io/files/is-inside.ts'
import { listRuntimes } from '../catalogue/catalogue.ts'
import { elsewhereOf } from '../ownership/elsewhere.ts'
import { listOwned, readOwner } from '../ownership/owner.ts'
import { recordSavePlace } from '../ownership/state-host.ts'
import { Tenure } from '../ownership/tenure.ts'
import { listDefinitions } from '../store/definitions.ts'
import type { Directories } from '../store/directories.ts'
import { DomainLock } from '../store/lock.ts'
import { checkMovable, moveSaveFiles, saveFiles } from '../store/saves/move-saves.ts'
import { runtimePaths } from '../store/runtime-paths.ts'
import { readRecord } from '../store/runtime-record.ts'
import { directoryOfSaves, readSavePlace, requireSaves } from '../store/saves/save-directory.ts'
import type { SavePlace } from '../store/state-host-record.ts'

/**
 * Keeps the managed saves of a shared directory in `directory` from now on, for all its hosts, and moves those that there are. While they are moved, no command may use or look for one: the
 * record says so before a file is touched, and each command that has not seen it is waited for, or stops the move.
 * @throws DomainError DOMAIN_RUNNING, DOMAIN_BUSY, DOMAIN_ELSEWHERE; StorageError, UsageError, CancelledError
 */
export async function keepSavesIn(
  directories: Directories,
  directory: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  await using _turn = await turnOf(directories, signal)
  await requireSaves(directories)
  const before = await readSavePlace(directories)
  if (before?.directory === directory) return
  await checkPlace(directories, directory)
  await checkMovable(directories)
  await requireUnused(directories, undefined, signal)
  const to = { directory, id: randomBytes(8).toString('hex'), moving: true }
  await makeDirectory(directoryOfSaves(to))
  await recordSavePlace(directories, to)
  try {
    await requireUnused(directories, to, signal)
  } catch (error) {
    // No file was touched.
    await recordSavePlace(directories, before)
    throw error
  }
  await finish(directories, to, signal)
}

/** Completes a move of managed saves that was interrupted. @throws as `keepSavesIn` */
export async function completeMove(
  directories: Directories,
  signal: AbortSignal | undefined,
): Promise<void> {
  if ((await readSavePlace(directories))?.moving !== true) return
  await using _turn = await turnOf(directories, signal)
  const to = await readSavePlace(directories)
  if (to?.moving !== true) return
  await requireUnused(directories, to, signal)
  await finish(directories, to, signal)
}

async function finish(
  directories: Directories,
  to: SavePlace,
  signal: AbortSignal | undefined,
): Promise<void> {
  await moveSaveFiles(directories, to, { signal })
  await recordSavePlace(directories, { directory: to.directory, id: to.id })
}

/** Not a domain: among all hosts, one command moves managed saves at a time. A name of a domain, so that it can have an owner. */
const TURN = '~state-share'

async function turnOf(
  directories: Directories,
  signal: AbortSignal | undefined,
): Promise<AsyncDisposable> {
  const stack = new AsyncDisposableStack()
  try {
    await hold(stack, directories, TURN, signal)
    return stack
  } catch (error) {
    await stack.disposeAsync()
    throw error
  }
}

/** Takes a name as a command on that domain does. Not a `HeldDomain`, which needs the managed saves. */
async function hold(
  stack: AsyncDisposableStack,
  directories: Directories,
  name: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const paths = runtimePaths(directories, name)
  const verb = 'state-share'
  stack.use(await DomainLock.acquire(name, paths, verb, signal))
  stack.use(await Tenure.take(directories, paths, { verb, signal }))
}

/**
 * Checks that no command is changing a domain, and that no domain runs that has a file among the managed saves: a safety copy, or an image whose memory still arrives. A command that comes later
 * finds the record of the move.
 * @throws DomainError DOMAIN_RUNNING, DOMAIN_BUSY, DOMAIN_ELSEWHERE; StorageError
 */
async function requireUnused(
  directories: Directories,
  to: SavePlace | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const names = new Set([
    ...(await listDefinitions(directories)),
    ...(await listOwned(directories)),
    ...(await listRuntimes(directories)),
  ])
  names.delete(TURN)
  for (const name of names) {
    throwIfCancelled('move the managed saves', signal)
    const elsewhere = await elsewhereOf(directories, name)
    const { holder } = await readOwner(directories, name)
    let runs = elsewhere !== undefined && elsewhere.verb === undefined && holder === undefined
    if (!runs) {
      await using stack = new AsyncDisposableStack()
      await hold(stack, directories, name, signal)
      runs = (await readRecord(runtimePaths(directories, name))) !== undefined
    }
    if (!runs) continue
    const files = await saveFiles(directories, to)
    const file = files.find((one) => isFileOf(name, one))
    if (file !== undefined) throw usesSaves(name, file)
  }
}

/** Hidden files are those of a writer, and second names. */
function isFileOf(name: string, file: string): boolean {
  const visible = file.startsWith('.') && !name.startsWith('.') ? file.slice(1) : file
  return ['save', 'copy'].some((end) => visible.startsWith(`${name}.${end}`))
}

function usesSaves(name: string, file: string): DomainError {
  return new DomainError(
    'DOMAIN_RUNNING',
    `Domain '${name}' runs, and ${file} is among the managed saves, so they cannot be moved`,
    {
      operation: 'move the managed saves',
      hint: `Save it or shut it down first. If the file is its safety copy, \`stasis managedsave-remove ${name}\` deletes it; if its memory still arrives, wait until \`stasis dominfo ${name}\` shows none missing`,
    },
  )
}

/** @throws UsageError, StorageError */
async function checkPlace({ stateDir, runtimeDir }: Directories, directory: string): Promise<void> {
  if (!(await isReachable(`${directory}/.`))) {
    throw new StorageError('FILE_NOT_FOUND', `There is no directory ${directory}`, {
      operation: 'keep the managed saves there',
      path: directory,
      hint: 'Make it, and mount its storage there on every host',
    })
  }
  await checkOwnDirectory(directory)
  const place = await realpath(directory)
  for (const own of [stateDir, runtimeDir]) {
    if (!isInside(place, await realpath(own).catch(() => own))) continue
    throw new UsageError('BAD_ARGUMENT', `${directory} is inside ${own}, the directory of Stasis`, {
      path: directory,
      hint: 'Name a directory outside it, on other storage',
    })
  }
}
