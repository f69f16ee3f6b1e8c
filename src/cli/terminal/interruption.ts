import type { Output } from './output.ts'
import { ReceivedSignal } from './received-signal.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const

/** Some senders signal a process and also its group: a second signal this soon is the same request. */
const ECHO_MS = 300

/** Turns the first Ctrl-C (or SIGTERM) into a clean cancel, and the second into an end at once. */
export function interruptionSignal(output: Output): AbortSignal {
  const controller = new AbortController()
  let firstMs = 0
  for (const name of SIGNALS) {
    process.on(name, () => {
      const nowMs = performance.now()
      const received = new ReceivedSignal(name)
      if (!controller.signal.aborted) {
        firstMs = nowMs
        output.note('Cancelling. Interrupt again to end at once')
        controller.abort(received)
      } else if (nowMs - firstMs > ECHO_MS) {
        output.note(
          'Ended at once. A guest that was being saved stays paused until `stasis resume`',
        )
        process.exit(received.exitCode)
      }
    })
  }
  return controller.signal
}
