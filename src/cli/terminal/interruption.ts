import { ReceivedSignal } from './received-signal.ts'
import type { Output } from './output.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const

/** Some senders signal a process and also its group: a second signal this soon is the same request. */
const ECHO_MS = 300

/** The `AbortSignal` of commands, which Ctrl-C aborts. Disposing it restores the signal handling of the process. */
export interface Interruption extends Disposable {
  readonly signal: AbortSignal
}

/** Turns the first Ctrl-C (or SIGTERM) into a clean cancel, and the second into an end at once. */
export function cancelOnSignal(output: Output): Interruption {
  const controller = new AbortController()
  let firstMs = 0
  let words: NodeJS.Timeout | undefined
  const receive = (name: (typeof SIGNALS)[number]): void => {
    const nowMs = performance.now()
    const received = new ReceivedSignal(name)
    if (!controller.signal.aborted) {
      firstMs = nowMs
      // A command that ends at once needs no message.
      words = setTimeout(() => {
        output.note('Cancelling. Interrupt again to end at once')
      }, ECHO_MS).unref()
      controller.abort(received)
    } else if (nowMs - firstMs > ECHO_MS) {
      output.note('Ended at once. A guest that was being saved stays paused until `stasis resume`')
      process.exit(received.exitCode)
    }
  }
  const listeners = SIGNALS.map((name) => [name, () => receive(name)] as const)
  for (const [name, listener] of listeners) process.on(name, listener)
  return {
    signal: controller.signal,
    [Symbol.dispose](): void {
      clearTimeout(words)
      for (const [name, listener] of listeners) process.off(name, listener)
    },
  }
}
