import { join } from 'node:path'
import { removeAllAbandoned } from '../../io/files/partial-file.ts'
import { listRuntimes } from './catalogue.ts'
import { listDefinitions } from '../store/definitions.ts'
import type { Directories } from '../store/directories.ts'
import { DomainLock } from '../store/lock.ts'
import { reconcile } from './reconcile.ts'
import { runtimePaths } from '../store/runtime-paths.ts'
import { readRecord } from '../store/runtime-record.ts'
import { isRunning } from './own-qemu.ts'

/** The directories of small files in the state directory. */
const SMALL = ['', 'domains', 'images', 'ended', 'jobs', 'autostart', 'cache', 'orders', 'overlays']

/** Removes the temporary files that killed operations left in the state directory. A file that cannot be removed is left to the next operation. */
export async function tidyState({ stateDir }: Directories): Promise<void> {
  for (const name of SMALL) await removeAllAbandoned(join(stateDir, name)).catch(() => undefined)
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
  await reconcile(paths, directories)
}
