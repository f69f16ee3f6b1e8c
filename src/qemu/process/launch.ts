import {
  CancelledError,
  QemuError,
  StasisError,
  inOneLine,
  throwIfCancelled,
} from '../../errors.ts'
import { anySignal } from '../../io/any-signal.ts'
import { openKeptLog, openLog } from '../../io/records/log-file.ts'
import type { ResourceLimits } from '../../io/processes/resource-limits.ts'
import { cleanEnvironment } from '../../io/processes/clean-environment.ts'
import { closeDescriptor, connectedPair } from '../../io/system-calls.ts'
import { QmpConnection } from '../../qmp/connection.ts'
import { connectWhenReady } from './await-monitor.ts'
import { type MonitorPaths, monitorArguments, startMonitorArguments } from './monitors.ts'
import { QemuProcess, logPathIn } from './process.ts'
import { type ProcessIdentity, identifyProcess } from './process-identity.ts'
import { type SpawnedChild, spawnDetached } from './spawn-detached.ts'
import { diskInUse, saysDiskIsLocked } from '../../qmp/locked-disk.ts'

/** A large guest with preallocated memory takes long before its monitor answers. */
const DEFAULT_TIMEOUT_MS = 300_000

/** Before it are standard input, output and error. */
const FIRST_EXTRA_FD = 3

/** The QEMU to start and its surroundings. */
export interface LaunchOptions {
  readonly emulator: string
  /** QEMU's arguments without its monitors, which are added here. */
  readonly argv: readonly string[]
  /** The working directory. Default `/`. */
  readonly cwd?: string | undefined
  /** Environment variables in addition to those of `cleanEnvironment`. */
  readonly env?: Readonly<Record<string, string>> | undefined
  /** Default: no core dump, and no more locked memory than ours. */
  readonly limits?: ResourceLimits | undefined
  /** Descriptors that QEMU inherits as 3, 4, … in this order. They stay open here. */
  readonly extraFds?: readonly number[] | undefined
  /** The runtime directory of the domain, 0700. The log is in it, in `qemu.log`, if it has no other place. */
  readonly directory: string
  /** A log that survives this QEMU, with those of earlier ones. */
  readonly keptLog?: string | undefined
  readonly monitors: MonitorPaths
  /** Called and awaited as soon as the process exists, so that it can be recorded before anything else happens. Its part of the log begins at `logOffset`. */
  readonly onSpawned?:
    | ((identity: ProcessIdentity, logOffset: number) => void | Promise<void>)
    | undefined
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** A QEMU whose control monitor answers; the caller disposes the connection. */
export interface LaunchedQemu {
  readonly process: QemuProcess
  readonly control: QmpConnection
}

/**
 * Starts a QEMU in its own session, so that it survives us, and appends its output to its log. Waits until its control monitor answers, which
 * means that its machine is complete. On any failure it is killed and reaped.
 * @throws QemuError QEMU_NOT_FOUND, QEMU_START_FAILED with QEMU's own reason, QEMU_TIMEOUT; StorageError for the log; CancelledError
 */
export async function launchQemu(options: LaunchOptions): Promise<LaunchedQemu> {
  const { emulator, keptLog, signal } = options
  throwIfCancelled(`start ${emulator}`, signal)
  const logPath = keptLog ?? logPathIn(options.directory)
  await using log =
    keptLog === undefined
      ? await openLog(logPath)
      : await openKeptLog(logPath, `starting: ${[emulator, ...options.argv].join(' ')}`)
  const { child, start } = await spawn(options, log.fd)
  using unused = new DisposableStack()
  unused.defer(() => closeDescriptor(start))
  try {
    const identity = await identifyProcess(child.pid)
    const absent = { pid: child.pid, startTime: 0, bootId: '' }
    const process = new QemuProcess(identity ?? absent, logPath, log.offset)
    if (identity !== undefined) await options.onSpawned?.(identity, log.offset)
    unused.move()
    const control = await connect(options, child, process, start)
    return { process, control }
  } catch (error) {
    await child.kill()
    throw error
  }
}

/** Starts it, with a connection to a monitor that is there from its beginning. `start` is our end of it. */
async function spawn(
  { emulator, argv, monitors, extraFds = [], cwd, env, limits }: LaunchOptions,
  logFd: number,
): Promise<{ readonly child: SpawnedChild; readonly start: number }> {
  const [start, theirs] = connectedPair()
  const own = startMonitorArguments(FIRST_EXTRA_FD + extraFds.length)
  try {
    const child = await spawnDetached(
      emulator,
      [...argv, ...monitorArguments(monitors), ...own],
      logFd,
      [...extraFds, theirs],
      { cwd, env: cleanEnvironment(env), limits },
    )
    return { child, start }
  } catch (error) {
    closeDescriptor(start)
    throw error
  } finally {
    closeDescriptor(theirs)
  }
}

async function connect(
  options: LaunchOptions,
  child: SpawnedChild,
  process: QemuProcess,
  start: number,
): Promise<QmpConnection> {
  const { emulator, monitors, signal, timeoutMs = DEFAULT_TIMEOUT_MS } = options
  const bounds = { signal: anySignal(child.ended, signal), timeoutMs }
  let control: QmpConnection | undefined
  try {
    const monitor = { ...bounds, processTail: () => process.tail() }
    // It stays open until the other is: a QEMU without any client of a monitor closes descriptors that it was given for later.
    await using own = await QmpConnection.onDescriptor(start, 'the monitor of the start', monitor)
    // QEMU greets before its machine is complete. It executes a command only afterwards, and then its thread for monitors listens on their sockets. A client that connects while the
    // thread takes them over makes QEMU before 11.0 hang or crash (notes/qemu/monitor.md).
    await own.execute('query-status', {}, bounds)
    control = await connectWhenReady(monitors.control, monitor)
    return control
  } catch (cause) {
    await control?.close()
    // A QEMU that hangs up is ending.
    if (StasisError.is(cause, 'QEMU_DIED')) await endedWithin(child, END_MS)
    if (child.ended.aborted) {
      const reason = inOneLine(process.tail()) || 'it gave no reason'
      if (saysDiskIsLocked(reason)) throw diskInUse(reason, { operation: 'start QEMU' })
      const text = `${emulator} ended while it started (${String(child.ended.reason)}): ${reason}`
      // Its log is removed with the directory of this start.
      throw new QemuError('QEMU_START_FAILED', text, { operation: 'start QEMU' })
    }
    if (signal?.aborted === true) throw new CancelledError(`start ${emulator}`, signal.reason)
    if (!StasisError.is(cause, 'QEMU_TIMEOUT') && !StasisError.is(cause, 'QEMU_BUSY')) throw cause
    throw new QemuError('QEMU_TIMEOUT', `${emulator} was not ready within ${timeoutMs} ms`, {
      operation: 'start QEMU',
      cause,
    })
  }
}

/** How long a QEMU that has closed its monitor takes to end. */
const END_MS = 2000

async function endedWithin({ ended }: SpawnedChild, timeoutMs: number): Promise<void> {
  if (ended.aborted) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, timeoutMs)
  ended.addEventListener('abort', () => resolve(), { once: true })
  await promise
  clearTimeout(timer)
}
