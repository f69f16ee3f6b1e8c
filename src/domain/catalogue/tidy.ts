import { join } from 'node:path'
import { removeAllAbandoned } from '../../io/files/partial-file.ts'
import { listRuntimes } from './catalogue.ts'
import { listDefinitions } from '../store/definitions.ts'
import type { Directories } from '../store/directories.ts'
import { DomainLock } from '../store/lock.ts'
import { isAlive } from '../../qemu/process/process-identity.ts'
import { readPostcopyRecord } from '../store/postcopy-record.ts'
import { reconcile } from './reconcile.ts'
import { runtimePaths, secondNamesDirectory } from '../store/runtime-paths.ts'
import { listSecondNames, removeSecondName } from '../store/second-name.ts'
import { isShared } from '../ownership/state-host.ts'
import { Tenure } from '../ownership/tenure.ts'
import { readRecord } from '../store/runtime-record.ts'
import { isRunning } from './own-qemu.ts'
import { placeOfHost } from '../store/host-directory.ts'

/** The directories of small files in the state directory. */
const SMALL = ['', 'domains', 'images', 'ended', 'jobs', 'orders', 'overlays']

/** Those that belong to this host. */
const OF_HOST = ['kept', 'autostart', 'cache']

/**
 * Removes the temporary files that killed operations left in the state directory, and the second names of images that a power cut has left. A file that cannot be removed is left to the next
 * operation.
 */
export async function tidyState(directories: Directories): Promise<void> {
  const { stateDir } = directories
  const places = [
    ...SMALL.map((name) => join(stateDir, name)),
    ...OF_HOST.map((name) => placeOfHost(stateDir, name)),
  ]
  for (const place of places) await removeAllAbandoned(place).catch(() => undefined)
  await tidySecondNames(directories).catch(() => undefined)
}

/** A second name is needed as long as its maker lives, and then as long as the record of the restore names it. */
async function tidySecondNames(directories: Directories): Promise<void> {
  for (const { path, domain, maker } of await listSecondNames(secondNamesDirectory(directories))) {
    if (await isAlive(maker)) continue
    const paths = runtimePaths(directories, domain)
    if ((await readPostcopyRecord(paths))?.kept === path) continue
    await removeSecondName(paths, path)
  }
}

/**
 * Tidies the remains of domains without a definition whose QEMU is gone or useless, because no command will name them again. Remains that cannot be
 * tidied, or belong to another operation, are left to the next one.
 */
export async function tidyTransient(directories: Directories, except?: string): Promise<void> {
  try {
    const defined = new Set(await listDefinitions(directories))
    const names = await listRuntimes(directories)
    for (const name of names)
      if (name !== except && !defined.has(name))
        await tidy(directories, name).catch(() => undefined)
  } catch {
    // See above.
  }
}

async function tidy(directories: Directories, name: string): Promise<void> {
  const paths = runtimePaths(directories, name)
  const record = await readRecord(paths)
  const goesOn = record?.stage === 'running' && record.saving === undefined
  if (goesOn && (await isRunning(paths, record))) return
  const lock = await DomainLock.tryAcquire(paths, 'clean-up')
  if (!(lock instanceof DomainLock)) return
  await using _lock = lock
  await using _tenure = (await isShared(directories))
    ? await Tenure.take(directories, paths, { verb: 'clean-up', atOnce: true })
    : undefined
  await reconcile(paths, directories)
}
