import { libraryCalls } from '../koffi.ts'

const call = libraryCalls({ _exit: 'void _exit(int status)' })

let isPrepared = false

/**
 * Makes this process end without waiting for its threads: at its end Node waits for all of them, for ever if one is stuck in the kernel (Node 24).
 * Listeners of `exit` that were added before are called before.
 */
export function exitWithoutThreads(): void {
  if (isPrepared) return
  isPrepared = true
  process.on('exit', (code) => call('_exit', code))
}
