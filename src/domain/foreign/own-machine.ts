import { UsageError } from '../../errors.ts'
import { type FilePath, givenPath, kindOf } from '../../io/given-path.ts'
import { checkOptions } from '../store/check-options.ts'
import { join } from 'node:path'
import { openImage } from '../../image/open-image.ts'
import { type MigrationFeatures, probeMigration } from '../../migration/features.ts'
import { contVm } from '../../migration/run-state.ts'
import { makeTemporaryDirectory } from '../../io/temporary-directory.ts'
import { attachDomain } from './attach.ts'
import { nameCancel } from '../progress/name-cancel.ts'
import { connectMonitor } from '../machine/monitor.ts'
import type { ResumedState } from '../machine/domain-state.ts'
import { attachedProvenance } from '../machine/provenance.ts'
import type { OnProgress, RestoreProgress } from '../progress/progress.ts'
import { chooseLoader } from '../memory-sources/choose-loader.ts'
import { type SaveOptions, type SaveResult, saveDomain } from '../save/save.ts'

/** How to save a QEMU that the caller started. */
export interface SaveMachineOptions extends Omit<SaveOptions, 'stateDir' | 'runtimeDir'> {
  /** The unix socket of a QMP monitor that no other program uses meanwhile. */
  readonly qmp: string
  /** The path of the new image. */
  readonly path: FilePath
  readonly name?: string | undefined
}

/**
 * Saves a QEMU that the caller started, and ends it once the image is durable. No state directory is used.
 * @throws as `attachDomain` and `saveDomain`
 */
export async function saveMachine(options: SaveMachineOptions): Promise<SaveResult> {
  checkOptions(options)
  const { qmp, path, name, ...rest } = options
  await using scratch = await makeTemporaryDirectory('stasis-machine-')
  const directories = { stateDir: scratch.path, runtimeDir: join(scratch.path, 'run') }
  const { signal } = options
  const attached = await attachDomain(qmp, { ...directories, name, signal })
  return await saveDomain(attached.name, path, { ...rest, ...directories })
}

/** The facts from which a program makes the machine of an image again. */
export interface MachineLaunch {
  /** The command line of the saved machine, beginning with the program; empty if the image does not have it. */
  readonly commandLine: readonly string[]
  /** The domain XML in the image. */
  readonly xml: string
  /** Arguments that the new QEMU must have in addition. */
  readonly incoming: readonly string[]
}

/** How to restore. */
export interface RestoreMachineOptions {
  /** Starts QEMU in the caller's own way. Returns the unix socket of a QMP monitor that no other program uses meanwhile. */
  readonly launch: (machine: MachineLaunch) => Promise<string>
  /** Default: what the guest did when it was saved. */
  readonly resumeAs?: ResumedState | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: OnProgress<RestoreProgress> | undefined
}

/**
 * Loads an image into a QEMU that the caller starts. The caller decides whether the guest may run with the disks as they are, and must end
 * QEMU if this fails.
 * @throws ImageError, QemuError, StorageError, CancelledError; whatever `launch` throws
 */
export async function restoreMachine(
  path: FilePath,
  options: RestoreMachineOptions,
): Promise<{ readonly state: ResumedState }> {
  checkOptions(options)
  const { launch }: { readonly launch: unknown } = options
  if (typeof launch !== 'function')
    throw new UsageError('BAD_ARGUMENT', `launch must be a function, not ${kindOf(launch)}`)
  const image = givenPath(path, 'the image')
  return nameCancel(`restore ${image}`, restore(image, options))
}

async function restore(
  path: string,
  options: RestoreMachineOptions,
): Promise<{ readonly state: ResumedState }> {
  const { launch, signal, resumeAs, onProgress: report = () => undefined } = options
  report({ phase: 'opening' })
  await using image = await openImage(path, { direct: false, signal })
  const { xml, cookie, wasRunning } = image.description
  report({ phase: 'starting' })
  const socket = await launch({
    commandLine: attachedProvenance(cookie)?.commandLine ?? [],
    xml,
    incoming: ['-S', '-incoming', 'defer'],
  })
  await using scratch = await makeTemporaryDirectory('stasis-machine-')
  await using control = await connectMonitor(socket, { signal })
  const load = chooseLoader(image, { backends: [], capabilities: [] })
  const migrationSocket = join(scratch.path, 'stream')
  await using source = load({ paths: { migrationSocket }, readers: 2, signal })
  const features = (): Promise<MigrationFeatures> => probeMigration(control, { signal })
  const qemu = { control, pid: undefined, fresh: false, features }
  await source.bring(qemu, { signal, report })
  report({ phase: 'resuming' })
  const state = resumeAs ?? (wasRunning ? 'running' : 'paused')
  if (state === 'running') await contVm(control, { signal })
  return { state }
}
