import type { Output } from './output.ts'

const LOOK_MS = 250

/** Calls `leave` when nobody reads the result any more (`stasis event --loop | head -1`), though nothing is written that would show it. Disposing it ends the watch. */
export function watchReader(output: Output, leave: () => void): Disposable {
  const timer = setInterval(() => {
    if (!output.hasReader()) leave()
  }, LOOK_MS)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
