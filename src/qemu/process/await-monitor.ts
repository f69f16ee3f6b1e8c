import { CancelledError, QemuError, StasisError } from '../../errors.ts'
import { isReachable } from '../../io/files/file-names.ts'
import { PathWatch } from '../../io/files/path-watch.ts'
import { QmpConnection } from '../../qmp/connection.ts'

const FIRST_PAUSE_MS = 2
const LONGEST_PAUSE_MS = 50

/** How long one connection waits for QEMU's greeting: once, with 7.2 on a loaded machine, it never came. */
const GREETING_MS = 5000

/** Bounds of the wait; `signal` also covers the death of the process. */
export interface AwaitMonitorOptions {
  readonly signal: AbortSignal
  readonly timeoutMs: number
  readonly processTail: () => string
  /** See `QmpConnectOptions`. */
  readonly outOfBand?: boolean | undefined
}

/**
 * Connects to the monitor of a QEMU that was just started. Its socket appears some time after the process, and it answers once the machine is
 * complete. Throws `QEMU_TIMEOUT` when the time is over.
 */
export async function connectWhenReady(
  path: string,
  options: AwaitMonitorOptions,
): Promise<QmpConnection> {
  const { signal, timeoutMs, processTail, outOfBand } = options
  const deadline = performance.now() + timeoutMs
  using socket = new PathWatch(path)
  let pauseMs = FIRST_PAUSE_MS
  for (;;) {
    let cause: unknown
    if (await isReachable(path)) {
      try {
        const leftMs = Math.min(GREETING_MS, Math.max(1, deadline - performance.now()))
        const bounds = { signal, timeoutMs: leftMs, processTail, outOfBand }
        return await QmpConnection.connect(path, bounds)
      } catch (error) {
        const notReady = StasisError.is(error, 'QEMU_BUSY') || StasisError.is(error, 'QEMU_DIED')
        if (!notReady) throw error
        cause = error
      }
    }
    if (performance.now() >= deadline) {
      const text = `The monitor at ${path} was not ready within ${timeoutMs} ms`
      throw new QemuError('QEMU_TIMEOUT', text, { path, cause })
    }
    await socket.next(pauseMs, signal).catch((reason: unknown) => {
      throw new CancelledError(`connect to ${path}`, reason)
    })
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
  }
}
