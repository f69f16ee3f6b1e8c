import { isKoffiLoaded, libraryCalls } from '../koffi.ts'

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

/**
 * `exitWithoutThreads` where that is faster: Node takes 10 ms to take its heap and its threads down, which the kernel does anyway, and koffi takes as long to load.
 * A profile or coverage that Node was asked for is written only when Node ends itself.
 */
export function exitFast(): void {
  const isObserved = process.execArgv.length > 0 || process.env['NODE_V8_COVERAGE'] !== undefined
  if (isKoffiLoaded() && !isObserved) exitWithoutThreads()
}
