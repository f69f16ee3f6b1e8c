import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { StasisError, messageOf } from '../../../errors.ts'
import { MemoryDirectory } from '../../../io/memory/memory-directory.ts'
import { programUrl } from '../../../io/program-url.ts'
import { ProcessWatcher } from '../../../qemu/process/spawn-watcher.ts'
import type { ResumedState } from '../../machine/domain-state.ts'
import { nameCancel } from '../../progress/name-cancel.ts'
import type { OnProgress, RestoreProgress, SaveProgress } from '../../progress/progress.ts'
import { restoreDomain } from '../../restore/restore.ts'
import type { RestoreOptions, RestoreResult } from '../../restore/restore-request.ts'
import { checkOptions } from '../../store/check-options.ts'
import type { DomainOptions, WarningOptions } from '../../store/domain-options.ts'
import { placeOfHost } from '../../store/host-directory.ts'
import { cloneCheckpoint } from './clone-checkpoint.ts'
import { type CloneFacts, checkCloneNames, lookForClones } from './clone-facts.ts'
import { type ClonedMoment, forgetMoment, takeMoment } from './cloned-moment.ts'
import { deleteCheckpoint } from '../delete-checkpoint.ts'
import type { KilledClone } from './settle-killed-clone.ts'

/** How to clone a running domain. */
export interface CloneLiveOptions extends DomainOptions, WarningOptions {
  /** An existing directory for the overlays of the clones' disks. Default: that of the first disk. */
  readonly overlays?: string | undefined
  /** A directory on a file system in memory, for the memory that the clones share. Default: `/dev/shm`. */
  readonly memoryDirectory?: string | undefined
  /** Whether the clones run. Default: as the domain. */
  readonly resumeAs?: ResumedState | undefined
  readonly onProgress?: OnProgress<SaveProgress | RestoreProgress> | undefined
}

/** Domains that were made from a running one, which continues. */
export interface CloneLiveResult {
  readonly domain: string
  readonly clones: readonly RestoreResult[]
  /** For how long the domain was stopped, in milliseconds. */
  readonly pauseMs: number
  /** The way in which its memory was taken. */
  readonly way: string | undefined
  /** Bytes of memory that the clones share until they write to them. 0: each has memory of its own. */
  readonly sharedBytes: number
  readonly totalMs: number
}

const PREFIX = 'stasis-clone-'

/** The program of the watcher. */
const PROGRAM: string = fileURLToPath(
  programUrl(new URL('./killed-clone-main.ts', import.meta.url)),
)

/**
 * Makes other domains from a running one, given by name, UUID or id, which continues after a short stop. Each has the memory and the disks of that moment,
 * and a name, UUID and addresses of its own. The clones share the memory until they write to it, and no disk takes it. If the domain has disks that it can
 * write to, all of them write to overlays from then on, as after a checkpoint. If a clone fails, those before it stay.
 * @throws DomainError DOMAIN_EXISTS, DOMAIN_WRONG_STATE with the reasons; UsageError, QemuError, StorageError NO_SPACE; CancelledError
 * @example
 * const { clones, pauseMs } = await cloneLive('web', ['web-1', 'web-2'])
 */
export async function cloneLive(
  reference: string,
  names: readonly string[],
  options: CloneLiveOptions = {},
): Promise<CloneLiveResult> {
  checkOptions(options)
  checkCloneNames(names)
  return nameCancel(`clone domain '${reference}'`, clone(reference, names, options))
}

async function clone(
  reference: string,
  names: readonly string[],
  options: CloneLiveOptions,
): Promise<CloneLiveResult> {
  const startMs = performance.now()
  const { memoryDirectory = '/dev/shm', onWarning } = options
  const facts = await lookForClones(reference, names, memoryDirectory, options)
  await using directory = await MemoryDirectory.make(memoryDirectory, PREFIX)
  await using _watcher = watchClone(facts, directory.path)
  const image = join(directory.path, 'memory')
  const moment = await takeMoment(facts, image, {
    ...pick(options),
    onProgress: options.onProgress,
  })
  const clones: RestoreResult[] = []
  try {
    for (const name of names) clones.push(await makeClone(facts.name, name, moment, options))
  } finally {
    const warn = (error: unknown): void => onWarning?.(messageOf(error))
    const { checkpoint } = moment
    const last = { ...pick(options), signal: undefined }
    await forgetMoment(image, last).catch(warn)
    if (checkpoint !== undefined) await deleteCheckpoint(facts.name, checkpoint, last).catch(warn)
  }
  return {
    domain: facts.name,
    clones,
    pauseMs: moment.pauseMs,
    way: moment.way,
    sharedBytes: clones.every(({ mode }) => mode === 'map') ? moment.bytes : 0,
    totalMs: performance.now() - startMs,
  }
}

/** Makes sure that the memory and the checkpoint go if this process is killed. */
function watchClone({ name, directories }: CloneFacts, memory: string): ProcessWatcher {
  const killed: KilledClone = { name, directories, pid: process.pid, memory }
  const compileCache = join(placeOfHost(directories.stateDir, 'cache'), 'node')
  return new ProcessWatcher(PROGRAM, [JSON.stringify(killed)], { compileCache })
}

async function makeClone(
  domain: string,
  name: string,
  { image, checkpoint }: ClonedMoment,
  options: CloneLiveOptions,
): Promise<RestoreResult> {
  const { overlays, resumeAs, onProgress } = options
  const restore = (mode: 'map' | 'load'): Promise<RestoreResult> => {
    const how: RestoreOptions = { ...pick(options), mode, resumeAs, onProgress, bypassCache: false }
    return checkpoint === undefined
      ? restoreDomain(image, { ...how, clone: { name, diskOverlay: overlays }, force: true })
      : cloneCheckpoint(domain, checkpoint, name, { ...how, overlays })
  }
  // The file has lost its name by the time that anybody could look for it.
  const unnamed = (made: RestoreResult): RestoreResult => ({ ...made, imageNeeded: undefined })
  try {
    return unnamed(await restore('map'))
  } catch (error) {
    // This QEMU, or this domain, cannot share memory that way. Nothing has happened then.
    if (
      !StasisError.is(error, 'IMAGE_INCOMPATIBLE') &&
      !StasisError.is(error, 'QEMU_LACKS_FEATURE')
    )
      throw error
    return unnamed(await restore('load'))
  }
}

/** The options that every act of a clone has. */
function pick({
  stateDir,
  runtimeDir,
  signal,
  onWarning,
}: CloneLiveOptions): DomainOptions & WarningOptions {
  return { stateDir, runtimeDir, signal, onWarning }
}
