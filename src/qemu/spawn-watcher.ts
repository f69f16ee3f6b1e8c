import { closeDescriptor, connectedPair, sendFew } from '../io/system-calls.ts'
import { helperInvocation } from './spawn-helper.ts'
import { spawnDetached } from './spawn-detached.ts'

/**
 * Waits for a line or the end of descriptor 3. At the end without a line, the process that held the other end was killed, and the program runs in
 * place of the shell. Until then only the shell exists: it starts in a millisecond and takes one megabyte.
 */
const WAIT = 'IFS= read -r line <&3 && exit 0; exec 3<&-; exec "$@"'

/** The shell's name for itself, so that `ps` shows its purpose. */
const NAME = 'stasis-watcher'

/** A program of ours that runs once this process is killed. */
export interface Watcher {
  /** Lets it end without running: this process has finished its work. */
  readonly dismiss: () => void
}

/**
 * Prepares a program of ours to run when this process ends, however it ends, unless the program is dismissed before. It is in its own session, and
 * does not depend on anything of this process.
 * @throws QemuError
 */
export async function spawnWatcher(
  script: string,
  argv: readonly string[],
  options: { readonly compileCache?: string | undefined } = {},
): Promise<Watcher> {
  const { args, env } = helperInvocation(script, argv, options.compileCache)
  const [theirs, ours] = connectedPair()
  try {
    const command = ['-c', WAIT, NAME, process.execPath, ...args]
    await spawnDetached('/bin/sh', command, 'ignore', [theirs], { env })
  } catch (error) {
    closeDescriptor(ours)
    throw error
  } finally {
    closeDescriptor(theirs)
  }
  return {
    dismiss: () => {
      sendFew(ours, DISMISSAL)
      closeDescriptor(ours)
    },
  }
}

const DISMISSAL = Buffer.from('dismissed\n')
