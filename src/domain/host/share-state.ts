import { isAbsolute, join } from 'node:path'
import { hostname } from 'node:os'
import { DomainError, UsageError } from '../../errors.ts'
import { hasOwnId, hostId } from '../../io/host-id.ts'
import { makeDirectory } from '../../io/files/directory.ts'
import { isThere, renameFile } from '../../io/files/file-names.ts'
import { type FilePath, givenPath } from '../../io/files/given-path.ts'
import { listRuntimes } from '../catalogue/catalogue.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { type Directories, openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { hostDirectory } from '../store/host-directory.ts'
import { requireLocalRuntime } from '../ownership/local-runtime.ts'
import { runtimePaths } from '../store/runtime-paths.ts'
import { claimStateDirectory, recordSharing } from '../ownership/state-host.ts'
import { readSavePlace } from '../store/saves/save-directory.ts'
import { completeMove, keepSavesIn } from './save-place.ts'

/** A state directory that several hosts may use. */
export interface SharedState {
  readonly stateDir: string
  /** The name and the id of this host. */
  readonly host: string
  readonly hostId: string
  /** The domains that run here, which belong to this host now. */
  readonly running: readonly string[]
  /** Where all hosts keep the managed saves; `undefined` if in the state directory. */
  readonly saveDirectory: string | undefined
}

/** How to share a state directory. */
export interface ShareOptions extends DomainOptions {
  /** Keep managed saves and safety copies in this directory, an absolute path, on every host. Those that there are move there. Default: where they are. */
  readonly saveDirectory?: FilePath | undefined
}

/** What belongs to a host and not to the domains. */
const OF_HOST = [
  'autostart',
  'host-saved.json',
  'networks.json',
  'cache',
  'image-cache',
  'kept',
  'metrics',
  'journal',
  'stasis.log',
  'stasis.log.old',
  'prompt-history',
]

/**
 * Shares the state directory of this host, or a new one, with other hosts: from then on every domain has an owner, and no host changes what another one runs
 * (docs/many-hosts.md). It can be repeated, also after it was interrupted. Other hosts are refused until it is done. It completes a move of managed saves that was interrupted.
 * @throws StorageError RUNTIME_NOT_LOCAL, STATE_OF_ANOTHER_HOST, STATE_MISSING and others; DomainError DOMAIN_BUSY, DOMAIN_RUNNING, DOMAIN_ELSEWHERE; UsageError; CancelledError
 * @example
 * const { stateDir, running } = await shareState()
 * console.log(stateDir, running)
 */
export async function shareState(options: ShareOptions = {}): Promise<SharedState> {
  const directories = await openDirectories(options)
  const saveDirectory = absolute(options.saveDirectory)
  const { stateDir } = directories
  if (!hasOwnId()) throw withoutId()
  await claimStateDirectory(directories)
  await completeMove(directories, options.signal)
  await requireLocalRuntime(directories)
  await refuseOtherRuntime(directories)
  await recordSharing(directories, 'begun')
  await makeDirectory(hostDirectory(stateDir))
  await moveOwnFiles(stateDir)
  const running: string[] = []
  for (const name of await listRuntimes(directories)) {
    // Releasing it records that it runs here.
    await using held = await HeldDomain.named(name, 'state-share', options)
    if (held.record !== undefined) running.push(name)
  }
  await recordSharing(directories, 'yes')
  // Last: domains have owners now, so the saves of all of them are known to be out of use.
  if (saveDirectory !== undefined) await keepSavesIn(directories, saveDirectory, options.signal)
  const saves = await readSavePlace(directories)
  return {
    ...{ stateDir, host: hostname(), hostId: hostId(), running },
    saveDirectory: saves?.directory,
  }
}

/** @throws UsageError */
function absolute(given: FilePath | undefined): string | undefined {
  if (given === undefined) return undefined
  const path = givenPath(given, 'the directory of managed saves')
  if (given instanceof URL || isAbsolute(given)) return path
  throw new UsageError('BAD_ARGUMENT', `${given} is not an absolute path`, {
    operation: 'share the state directory',
    path: given,
    hint: `Every host must find the directory at the same path: ${path}`,
  })
}

async function moveOwnFiles(stateDir: string): Promise<void> {
  for (const name of OF_HOST) {
    const [from, to] = [join(stateDir, name), join(hostDirectory(stateDir), name)]
    if ((await isThere(from)) && !(await isThere(to))) await renameFile(from, to)
  }
}

/** Domains that run with the runtime directory from before would have no owner. @throws DomainError DOMAIN_RUNNING, StorageError */
async function refuseOtherRuntime({ stateDir }: Directories): Promise<void> {
  const former = { stateDir, runtimeDir: join(stateDir, 'run') }
  for (const name of await listRuntimes(former)) {
    if (!(await isThere(runtimePaths(former, name).process))) continue
    throw new DomainError(
      'DOMAIN_RUNNING',
      `Domain '${name}' runs with the runtime directory ${former.runtimeDir}, which other hosts would see`,
      {
        operation: 'share the state directory',
        hint: `Save or shut down the domains there first: \`STASIS_RUNTIME_DIR=${former.runtimeDir} stasis host-save\``,
      },
    )
  }
}

function withoutId(): UsageError {
  return new UsageError(
    'BAD_ARGUMENT',
    'This host has no machine id, so other hosts could take it for another',
    {
      operation: 'share the state directory',
      hint: 'Make one with `systemd-machine-id-setup`, or set STASIS_HOST_ID to a name that no other host has',
    },
  )
}
