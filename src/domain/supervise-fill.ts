import { rm } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { QemuError } from '../errors.ts'
import { endPostcopy, postcopyProgress, recoverPostcopy } from '../migration/postcopy.ts'
import { connectWhenReady } from '../qemu/await-monitor.ts'
import { identifyProcess } from '../qemu/process-identity.ts'
import type { SpawnedChild } from '../qemu/spawn-detached.ts'
import type { QmpConnection } from '../qmp/connection.ts'
import {
  type KeptFault,
  keepFault,
  readFill,
  readFillProgress,
  removeFill,
  writeFill,
} from './fill-record.ts'
import { startPageServer } from './page-server-process.ts'
import type { RuntimePaths } from './runtime-paths.ts'

const LOOK_MS = 100
const MONITOR_PATIENCE_MS = 300_000
const PAUSED_PATIENCE_MS = 30_000

/** Servers that die one after the other die of something. */
const MAX_SERVERS = 8

/**
 * Sees to it that the memory of a domain comes: starts a page server, another when it dies, and ends the migration when all is there.
 * A damaged image is noted in the record; where no processor waits for what is damaged, the guest is halted first.
 * @throws QemuError, StorageError, CancelledError
 */
export async function superviseFill(
  paths: RuntimePaths,
  options: { readonly recover: boolean; readonly signal: AbortSignal },
): Promise<void> {
  const { signal } = options
  const record = await readFill(paths)
  const supervisor = await identifyProcess(process.pid)
  if (record === undefined || supervisor === undefined) return
  await writeFill(paths, { ...record, supervisor, fault: undefined })
  let server = options.recover
    ? undefined
    : await startPageServer(paths, 'server', { recover: false })
  try {
    await using monitor = await openFillMonitor(paths, signal)
    for (let count = 0; count < MAX_SERVERS; count += 1) {
      server ??= await recover(paths, monitor, signal)
      if (server === undefined || (await follow(paths, monitor, server, signal)) === 'over') return
      server = undefined
    }
    throw new QemuError('QEMU_STREAM', `${MAX_SERVERS} page servers died one after the other`)
  } catch (error) {
    if (!signal.aborted) await noteFault(paths, keepFault(error))
    throw error
  } finally {
    await server?.kill()
  }
}

/** The monitor of our own: it is asked for out-of-band commands at once, while QEMU can still agree. */
async function openFillMonitor(paths: RuntimePaths, signal: AbortSignal): Promise<QmpConnection> {
  return connectWhenReady(paths.fillSocket, {
    signal,
    timeoutMs: MONITOR_PATIENCE_MS,
    processTail: () => '',
    outOfBand: true,
  })
}

/** Until the server ends; `lost` when another must take over. */
async function follow(
  paths: RuntimePaths,
  monitor: QmpConnection,
  server: SpawnedChild,
  signal: AbortSignal,
): Promise<'over' | 'lost'> {
  let halted = false
  while (!server.ended.aborted) {
    await delay(LOOK_MS, undefined, { signal: AbortSignal.any([signal, server.ended]) }).catch(
      () => undefined,
    )
    if (signal.aborted) return 'over'
    const fault = (await readFillProgress(paths))?.fault
    // A guest of which a processor waits for a page cannot be halted: QEMU would wait for that processor.
    if (fault === undefined || fault.waiting || halted) continue
    halted = true
    await monitor.execute('stop', {}, { timeoutMs: 2000 }).catch(() => undefined)
  }
  if (server.ended.reason === 'exit code 0') {
    await endPostcopy(monitor)
    await removeFill(paths)
    return 'over'
  }
  const fault = (await readFillProgress(paths))?.fault
  if (fault === undefined) return monitor.state === 'ready' ? 'lost' : 'over'
  await noteFault(paths, fault)
  return (await recoveryAsked(paths, monitor, signal)) ? 'lost' : 'over'
}

/**
 * After a fault of the image: until somebody asks to go on, by taking the fault out of the record, or the guest is gone. A monitor
 * opened then would be of no use where QEMU's main thread waits for a page.
 */
async function recoveryAsked(
  paths: RuntimePaths,
  monitor: QmpConnection,
  signal: AbortSignal,
): Promise<boolean> {
  while (monitor.state === 'ready' && !signal.aborted) {
    const record = await readFill(paths)
    if (record === undefined) return false
    if (record.fault === undefined) return true
    await delay(LOOK_MS, undefined, { signal }).catch(() => undefined)
  }
  return false
}

/** A new server for a QEMU that has lost its own; `undefined` when it misses none. */
async function recover(
  paths: RuntimePaths,
  monitor: QmpConnection,
  signal: AbortSignal,
): Promise<SpawnedChild | undefined> {
  const deadline = performance.now() + PAUSED_PATIENCE_MS
  for (;;) {
    // Asking QEMU how it is would wait for its main thread, which may wait for us; this command does not.
    const refused = await recoverPostcopy(monitor, paths.recoverSocket).catch(
      (error: unknown) => error,
    )
    if (refused === undefined) {
      // What the one before it noted is not true of this one.
      await rm(paths.fillProgress, { force: true })
      return startPageServer(paths, 'server', { recover: true })
    }
    if (monitor.state !== 'ready') return undefined
    const progress = await Promise.race([postcopyProgress(monitor), delay(1000, undefined)])
    if (progress?.phase === 'completed') {
      await endPostcopy(monitor)
      await removeFill(paths)
      return undefined
    }
    if (progress?.phase === 'failed' || progress?.phase === 'none') return failed(paths)
    if (performance.now() > deadline) throw refused
    await delay(LOOK_MS, undefined, { signal })
  }
}

async function failed(paths: RuntimePaths): Promise<undefined> {
  await noteFault(paths, {
    kind: 'qemu',
    code: 'MIGRATION_FAILED',
    message: 'QEMU gave up the migration before the guest could run',
  })
}

async function noteFault(paths: RuntimePaths, fault: KeptFault): Promise<void> {
  const record = await readFill(paths).catch(() => undefined)
  if (record !== undefined) await writeFill(paths, { ...record, fault })
}
