import type { Output } from './output.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Exit code of a command that was cancelled. */
export const EXIT_CANCELLED = 130

/** Turns the first Ctrl-C (or SIGTERM) into a clean cancel, and the second into an end at once. */
export function interruptionSignal(output: Output): AbortSignal {
  const controller = new AbortController()
  for (const name of SIGNALS) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(EXIT_CANCELLED)
      output.note('Cancelling; once more ends it at once')
      controller.abort(new Error(`Received ${name}`))
    })
  }
  return controller.signal
}
