import { createRequire } from 'node:module'

let isLeft = false

/**
 * Runs this command line in the whole bundle, from its beginning: for what the bundles of the verbs that only look do not contain. Such a verb has done nothing
 * so far that anybody sees. The promise is never settled, so what has begun here does not continue.
 */
export function leaveToMain(): Promise<never> {
  if (!isLeft) {
    isLeft = true
    // A run that goes no further has not failed (`src/cli/command.ts`), and its code is not worth keeping (`src/io/code-cache.ts`).
    process.removeAllListeners('beforeExit')
    process.removeAllListeners('exit')
    createRequire(import.meta.filename)('./main.cjs')
  }
  return Promise.withResolvers<never>().promise
}
