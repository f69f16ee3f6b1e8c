import { join } from 'node:path'
import { UsageError } from '../../errors.ts'
import { openImage } from '../../image/open-image.ts'
import type { SaveFormat } from '../../image/save-format.ts'
import { type FilePath, givenPath, kindOf } from '../../io/files/given-path.ts'
import { makeScratchDirectory } from '../../qemu/probe/scratch-directory.ts'
import { type MigrationFeatures, probeMigration } from '../../migration/features.ts'
import { contVm } from '../../migration/run-state.ts'
import { connectWhenReady } from '../../qemu/process/await-monitor.ts'
import {
  INCOMING,
  machineArguments,
  withoutQmpMonitors,
} from '../../qemu/foreign/foreign-command-line.ts'
import { inspectQemu } from '../../qemu/process/inspect.ts'
import type { ResumedState } from '../machine/domain-state.ts'
import { OUR_VIEW } from '../machine/qemu-view.ts'
import { type Provenance, attachedProvenance } from '../cookie/provenance.ts'
import { chooseLoader } from '../memory-sources/choose-loader.ts'
import { nameCancel } from '../progress/name-cancel.ts'
import type { OnProgress, RestoreProgress } from '../progress/progress.ts'
import { resolveReaders } from '../restore/readers.ts'
import { checkOptions } from '../store/check-options.ts'

/** The facts from which a program makes the machine of an image again. */
export interface MachineLaunch {
  /**
   * The command line of the saved machine, beginning with the program, without its QMP monitors and without options of the old process (`-daemonize`, `-pidfile`,
   * `-incoming` …); empty if the image does not have it.
   */
  readonly commandLine: readonly string[]
  /** The directory in which it ran, for its relative paths; `undefined` if the image does not have it. */
  readonly cwd: string | undefined
  /** The domain XML in the image. */
  readonly xml: string
  /** Arguments that the new QEMU must have in addition. */
  readonly incoming: readonly string[]
  /** Arguments for a QMP monitor, for a `launch` that returns no socket. The socket is removed when the restore is over. */
  readonly monitor: readonly string[]
}

/** How to restore. */
export interface RestoreMachineOptions {
  /**
   * Starts QEMU in the caller's own way. Returns the unix socket of a QMP monitor that no other program uses meanwhile, or nothing if QEMU has the arguments `monitor`.
   * QEMU need not be ready when it returns.
   */
  readonly launch: (machine: MachineLaunch) => Promise<string | void> | string | void
  /** How long QEMU may take until its monitor answers, in milliseconds. Default: 30000. */
  readonly launchTimeoutMs?: number | undefined
  /** How the memory comes back. A QEMU that the caller starts takes all of it before the guest runs: `load`, and `auto` means the same. */
  readonly mode?: 'auto' | 'load' | undefined
  /** How many workers read the image at the same time, 1 to 64. Default: one more than there are processors, at most 8. */
  readonly readers?: number | undefined
  /** Bypass the page cache. Default: only for `stasis`. */
  readonly bypassCache?: boolean | undefined
  /** Default: as it was when it was saved. */
  readonly resumeAs?: ResumedState | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: OnProgress<RestoreProgress> | undefined
}

/** A machine that was in an image and is in the caller's QEMU now. */
export interface RestoredMachine {
  readonly state: ResumedState
  /** The pid of its QEMU; `undefined` if another program opened the monitor's socket for it. */
  readonly id: number | undefined
  /** The image. */
  readonly path: string
  readonly format: SaveFormat
  readonly mode: 'load'
  /** How long the parts of the restore took, in milliseconds. */
  readonly timing: {
    /** From the call until the guest ran, or was ready to run. */
    readonly totalMs: number
    /** Until QEMU's monitor answered. */
    readonly startMs: number
    readonly loadMs: number
    readonly resumeMs: number
  }
}

/**
 * Loads an image into a QEMU that the caller starts. The caller decides whether the guest may run with the disks as they are, and must end
 * QEMU if this fails.
 * @throws UsageError, ImageError, StorageError, CancelledError; QemuError QEMU_TIMEOUT if the monitor does not answer, and others; whatever `launch` throws
 * @example
 * const { id } = await restoreMachine('/backup/vm.save', {
 *   launch: ({ commandLine: [program = '', ...args], cwd, incoming, monitor }) => {
 *     spawn(program, [...args, ...incoming, ...monitor], { cwd, stdio: 'ignore' })
 *   },
 * })
 */
export async function restoreMachine(
  path: FilePath,
  options: RestoreMachineOptions,
): Promise<RestoredMachine> {
  checkOptions(options, { mode: ['auto', 'load'] })
  const { launch }: { readonly launch: unknown } = options
  if (typeof launch !== 'function')
    throw new UsageError('BAD_ARGUMENT', `launch must be a function, not ${kindOf(launch)}`)
  const image = givenPath(path, 'the image')
  return nameCancel(`restore ${image}`, restore(image, options))
}

const LAUNCH_MS = 30_000

async function restore(path: string, options: RestoreMachineOptions): Promise<RestoredMachine> {
  const beganMs = performance.now()
  const { launch, signal, resumeAs, bypassCache, onProgress: report = () => undefined } = options
  const readers = resolveReaders(options.readers)
  report({ phase: 'opening' })
  await using image = await openImage(path, { direct: bypassCache, signal })
  const { xml, cookie, wasRunning } = image.description
  const provenance = attachedProvenance(cookie)
  await using scratch = await makeScratchDirectory('stasis-machine-')
  const ownSocket = join(scratch.path, 'monitor')
  report({ phase: 'starting' })
  const launched = await launch({
    commandLine: commandLineOf(provenance),
    cwd: provenance?.attached?.cwd,
    xml,
    incoming: INCOMING,
    monitor: ['-qmp', `unix:${ownSocket},server=on,wait=off`],
  })
  const socket = typeof launched === 'string' ? launched : ownSocket
  await using control = await connectWhenReady(socket, {
    signal: signal ?? new AbortController().signal,
    timeoutMs: options.launchTimeoutMs ?? LAUNCH_MS,
    processTail: () => '',
  })
  const qemu = await inspectQemu(socket).catch(() => undefined)
  const startedMs = performance.now()
  const load = chooseLoader(image, { backends: [], capabilities: [] })
  const migrationSocket = join(scratch.path, 'stream')
  await using source = load({ paths: { migrationSocket }, readers, signal })
  const features = (): Promise<MigrationFeatures> => probeMigration(control, { signal })
  await source.bring(
    { control, pid: qemu?.identity.pid, view: OUR_VIEW, fresh: false, features },
    { signal, report },
  )
  const loadedMs = performance.now()
  report({ phase: 'resuming' })
  const state = resumeAs ?? (wasRunning ? 'running' : 'paused')
  if (state === 'running') await contVm(control, { signal })
  const endedMs = performance.now()
  return {
    state,
    id: qemu?.identity.pid,
    path,
    format: image.format,
    mode: 'load',
    timing: {
      totalMs: endedMs - beganMs,
      startMs: startedMs - beganMs,
      loadMs: loadedMs - startedMs,
      resumeMs: endedMs - loadedMs,
    },
  }
}

function commandLineOf(provenance: Provenance | undefined): readonly string[] {
  const [program, ...args] = provenance?.commandLine ?? []
  return program === undefined ? [] : [program, ...withoutQmpMonitors(machineArguments(args))]
}
