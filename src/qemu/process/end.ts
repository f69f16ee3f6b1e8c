import { setTimeout as delay } from 'node:timers/promises'

import { QemuError, StasisError } from '../../errors.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import { type ProcessIdentity, isAlive, mayHoldFiles, signalProcess } from './process-identity.ts'

const LONGEST_PAUSE_MS = 10

/** How to end a QEMU, and how long each step waits before the next. */
export interface EndOptions {
  /** QEMU receives `quit` on this connection first. Without it, or when QEMU does not answer, SIGTERM is the first step. */
  readonly qmp?: QmpConnection | undefined
  /** Wait after `quit` or SIGTERM: QEMU flushes its disks. Default 10 s. */
  readonly gentleMs?: number | undefined
  /** Wait after SIGKILL. Default 10 s: a process in uninterruptible I/O can take long. */
  readonly killMs?: number | undefined
  /** Never send SIGKILL. */
  readonly gentle?: boolean | undefined
  /** Send SIGKILL at once. */
  readonly force?: boolean | undefined
}

/** How a QEMU ended. */
export type EndedBy = 'gone-already' | 'quit' | 'SIGTERM' | 'SIGKILL'

/**
 * Ends a QEMU, whether or not it is our child, and waits until it is gone: `quit` or SIGTERM, then SIGKILL. Never signals another process that now
 * has its pid. Throws `QEMU_TIMEOUT` when even SIGKILL does not end it in time.
 */
export async function endQemu(
  identity: ProcessIdentity,
  options: EndOptions = {},
): Promise<EndedBy> {
  const { qmp, gentleMs = 10_000, killMs = 10_000, force = false } = options
  if (!(await isAlive(identity))) {
    await waitUntilGone(identity, killMs)
    return 'gone-already'
  }
  if (!force) {
    const accepted = qmp !== undefined && (await sendQuit(qmp, gentleMs))
    if (!accepted) await signalProcess(identity, 'SIGTERM')
    if (await waitUntilGone(identity, gentleMs)) return accepted ? 'quit' : 'SIGTERM'
  }
  if (options.gentle === true) throw stillThere(identity, gentleMs, 'SIGTERM')
  await signalProcess(identity, 'SIGKILL')
  if (await waitUntilGone(identity, killMs)) return 'SIGKILL'
  throw stillThere(identity, killMs, 'SIGKILL')
}

function stillThere({ pid }: ProcessIdentity, ms: number, signal: string): QemuError {
  const text = `QEMU (process ${pid}) still exists ${ms} ms after ${signal}`
  return new QemuError('QEMU_TIMEOUT', text, {
    operation: 'end QEMU',
    hint: 'It waits for I/O in the kernel: check the disk or the network file system that it uses',
  })
}

/** Waits until that very process is gone, with its files, sockets and locks; `false` when the time passed first. A process whose state is unknown counts as there. */
export async function waitUntilGone(identity: ProcessIdentity, ms: number): Promise<boolean> {
  const deadline = performance.now() + ms
  for (
    let pauseMs = 1;
    await mayHoldFiles(identity).catch(() => true);
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
  ) {
    if (performance.now() >= deadline) return false
    await delay(pauseMs)
  }
  return true
}

async function sendQuit(qmp: QmpConnection, timeoutMs: number): Promise<boolean> {
  if (qmp.state !== 'ready') return false
  try {
    await qmp.execute('quit', {}, { timeoutMs })
    return true
  } catch (error) {
    // QEMU may end before its answer is sent.
    return StasisError.is(error, 'QEMU_DIED')
  }
}
