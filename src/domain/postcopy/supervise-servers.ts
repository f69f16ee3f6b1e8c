import { setTimeout as delay } from 'node:timers/promises'
import { QemuError, StorageError } from '../../errors.ts'
import { endPostcopy, postcopyProgress, recoverPostcopy } from '../../migration/postcopy.ts'
import {
  type ProcessIdentity,
  identifyProcess,
  isAlive,
  mayBeAlive,
} from '../../qemu/process/process-identity.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import {
  type PostcopyRecord,
  type RecordedFault,
  changePostcopyRecord,
  recordableFault,
  readPostcopyRecord,
  readPostcopyProgress,
  removePostcopyProgress,
  removePostcopyRecord,
} from '../store/postcopy-record.ts'
import { makeDirectory } from '../../io/files/directory.ts'
import { pathInQemu } from '../store/confinement.ts'
import { readRecord } from '../store/runtime-record.ts'
import { HeldImage } from './held-image.ts'
import { openKeptMonitor } from './kept-monitor.ts'
import { startPageServer } from './page-server-process.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'

const LOOK_MS = 50
const PAUSED_PATIENCE_MS = 30_000
const RECORD_PATIENCE_MS = 5000

/** When this many servers have died, they share a cause. */
const MAX_SERVERS = 8

/**
 * Makes sure that the memory of a domain arrives: starts another page server when the active one dies, and ends the migration when all memory is
 * there. Records a damaged image; if no processor waits for a damaged page, it first halts the guest.
 * @throws QemuError, StorageError, CancelledError
 */
export async function superviseServers(
  paths: RuntimePaths,
  options: {
    /** The file to run for a server: `PAGE_SERVER_PROGRAM`. */
    readonly program: string
    /** Id of the restore, see `PostcopyRecord`. */
    readonly id: string
    readonly monitorFd: number | undefined
    /** The image, see `HeldImage`; without it the supervisor opens it. */
    readonly imageFd: number | undefined
    readonly signal: AbortSignal
  },
): Promise<void> {
  const { program, id, monitorFd, imageFd, signal } = options
  using image = await holdImage(paths, imageFd)
  const postcopy = { paths, id, program, imageFd: image?.fd }
  if (!(await patiently(() => isRecorded(postcopy), signal))) return
  try {
    await using monitor = await openKeptMonitor(paths, monitorFd, { signal })
    await patiently(() => supervise(postcopy, monitor, signal), signal)
  } catch (error) {
    if (!signal.aborted) await recordFault(postcopy, recordableFault(error))
    throw error
  }
}

async function holdImage(
  paths: RuntimePaths,
  inherited: number | undefined,
): Promise<HeldImage | undefined> {
  if (inherited !== undefined) return HeldImage.inherited(inherited)
  const record = await readPostcopyRecord(paths).catch(() => undefined)
  return record && HeldImage.recorded(record)
}

const ATTEMPTS = 4
const RETRY_MS = 250

/** Repeats an act that an error of the host stopped, such as a lack of descriptors: it may pass, and the guest waits for its memory. */
async function patiently<T>(act: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await act()
    } catch (error) {
      if (!(error instanceof StorageError) || attempt === ATTEMPTS || signal.aborted) throw error
      await delay(RETRY_MS * attempt, undefined, { signal }).catch(() => undefined)
    }
  }
}

/** Returns when no server is needed any more. */
async function supervise(
  postcopy: SupervisedRestore,
  monitor: QmpConnection,
  signal: AbortSignal,
): Promise<void> {
  for (let count = 0; count < MAX_SERVERS; count += 1) {
    const server = (await livingServer(postcopy)) ?? (await recover(postcopy, monitor, signal))
    if (server === undefined || (await follow(postcopy, monitor, server, signal)) === 'over') return
  }
  throw new QemuError('QEMU_STREAM', `${MAX_SERVERS} page servers ended one after the other`)
}

/** The supervised restore. */
interface SupervisedRestore {
  readonly paths: RuntimePaths
  readonly id: string
  readonly program: string
  readonly imageFd: number | undefined
}

/** Its record, as long as the restore is not over. */
async function recordOf({ paths, id }: SupervisedRestore): Promise<PostcopyRecord | undefined> {
  const record = await readPostcopyRecord(paths)
  return record?.id === id ? record : undefined
}

async function removeOwn(postcopy: SupervisedRestore): Promise<void> {
  if ((await recordOf(postcopy)) !== undefined) await removePostcopyRecord(postcopy.paths)
}

/** Whether there is something to supervise; the process that started us records us first. */
async function isRecorded(postcopy: SupervisedRestore): Promise<boolean> {
  for (const deadline = performance.now() + RECORD_PATIENCE_MS; ;) {
    const record = await recordOf(postcopy)
    if (record === undefined || record.supervisor?.pid === process.pid) return record !== undefined
    if (performance.now() > deadline) return false
    await delay(2)
  }
}

async function livingServer(postcopy: SupervisedRestore): Promise<ProcessIdentity | undefined> {
  const server = (await recordOf(postcopy))?.server
  return server !== undefined && (await isAlive(server)) ? server : undefined
}

/** Waits for the end of the server; `lost` when another must take over. */
async function follow(
  postcopy: SupervisedRestore,
  monitor: QmpConnection,
  server: ProcessIdentity,
  signal: AbortSignal,
): Promise<'over' | 'lost'> {
  let halted = false
  while (await mayBeAlive(server)) {
    await delay(LOOK_MS, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) return 'over'
    const { fault, done } = (await readPostcopyProgress(postcopy.paths, postcopy.id)) ?? {}
    // The server waits for us.
    if (done === true) break
    // A guest whose processor waits for a page cannot be halted: QEMU would wait for that processor.
    if (fault === undefined || fault.waiting || halted) continue
    halted = true
    await monitor.execute('stop', {}, { timeoutMs: 2000 }).catch(() => undefined)
  }
  const progress = await readPostcopyProgress(postcopy.paths, postcopy.id)
  if (progress?.done === true) {
    await endPostcopy(monitor)
    await removeOwn(postcopy)
    return 'over'
  }
  if (progress?.fault === undefined) return monitor.state === 'ready' ? 'lost' : 'over'
  await recordFault(postcopy, progress.fault)
  return (await recoveryRequested(postcopy, monitor, signal)) ? 'lost' : 'over'
}

/**
 * After a fault of the image: waits until another process removes the fault from the record to continue, or the guest is gone. A monitor opened only
 * then would be useless where QEMU's main thread waits for a page.
 */
async function recoveryRequested(
  postcopy: SupervisedRestore,
  monitor: QmpConnection,
  signal: AbortSignal,
): Promise<boolean> {
  while (monitor.state === 'ready' && !signal.aborted) {
    const record = await recordOf(postcopy)
    if (record === undefined) return false
    if (record.fault === undefined) return true
    await delay(LOOK_MS, undefined, { signal }).catch(() => undefined)
  }
  return false
}

/** Starts a new server for a QEMU that has lost its own; `undefined` when it has not. */
async function recover(
  postcopy: SupervisedRestore,
  monitor: QmpConnection,
  signal: AbortSignal,
): Promise<ProcessIdentity | undefined> {
  const { paths } = postcopy
  const deadline = performance.now() + PAUSED_PATIENCE_MS
  for (;;) {
    // A query of QEMU's state would wait for its main thread, which may wait for us; this command does not.
    const socket = await recoverSocketInQemu(paths)
    const refused = await recoverPostcopy(monitor, socket).catch((error: unknown) => error)
    if (refused === undefined) {
      // The progress of the previous server does not apply to this one.
      await removePostcopyProgress(paths)
      return startServer(postcopy)
    }
    if (monitor.state !== 'ready') return undefined
    const progress = await Promise.race([postcopyProgress(monitor), delay(1000, undefined)])
    if (progress?.phase === 'completed') {
      await endPostcopy(monitor)
      await removeOwn(postcopy)
      return undefined
    }
    if (progress?.phase === 'failed' || progress?.phase === 'none') return failed(postcopy)
    if (performance.now() > deadline) throw refused
    await delay(LOOK_MS, undefined, { signal })
  }
}

/** The path at which QEMU shall listen for a new server. */
async function recoverSocketInQemu(paths: RuntimePaths): Promise<string> {
  await makeDirectory(paths.transferDirectory)
  return pathInQemu((await readRecord(paths))?.confinement, paths.recoverSocket)
}

async function startServer(postcopy: SupervisedRestore): Promise<ProcessIdentity> {
  const { paths, id, program, imageFd } = postcopy
  const inherit = imageFd === undefined ? undefined : { image: imageFd }
  const { pid } = await startPageServer(paths, { program, id, inherit })
  const server = (await identifyProcess(pid)) ?? { pid, startTime: 0, bootId: '' }
  await changePostcopyRecord(paths, id, { server })
  return server
}

async function failed(postcopy: SupervisedRestore): Promise<undefined> {
  await recordFault(postcopy, {
    kind: 'qemu',
    code: 'MIGRATION_FAILED',
    message: 'QEMU gave up the migration before the guest could run',
  })
}

async function recordFault({ paths, id }: SupervisedRestore, fault: RecordedFault): Promise<void> {
  await changePostcopyRecord(paths, id, { fault }).catch(() => undefined)
}
