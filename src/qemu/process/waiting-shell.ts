import { cleanEnvironment } from '../../io/processes/clean-environment.ts'
import { closeDescriptor, connectedPair } from '../../io/system-calls.ts'
import { spawnDetached } from './spawn-detached.ts'

/** The shell's name for itself, so that `ps` shows its purpose. */
const NAME = 'stasis-watcher'

/** What such a shell has besides its connection. */
export interface WaitingShellOptions {
  /** Its whole environment. Default: a clean one. */
  readonly env?: NodeJS.ProcessEnv | undefined
  /** Descriptor of its output. Default: none. */
  readonly output?: number | undefined
  /** It inherits these from 4 on. */
  readonly fds?: readonly number[] | undefined
  /** Its connection: the end of the shell, which is closed here, and ours. Default: a new one. */
  readonly connection?: readonly [number, number] | undefined
}

/** A shell, and our end of its connection. */
export interface WaitingShell {
  readonly pid: number
  /** The caller closes it. */
  readonly fd: number
}

/**
 * Starts a shell in its own session that runs `script` with the parameters `argv`. Its descriptor 3 is a connection that ends when nobody has our end of
 * it any more. Until then only the shell exists: it starts in a millisecond and takes one megabyte.
 * @throws QemuError QEMU_START_FAILED
 */
export async function startWaitingShell(
  script: string,
  argv: readonly string[],
  {
    env = cleanEnvironment(),
    output,
    fds = [],
    connection = connectedPair(),
  }: WaitingShellOptions = {},
): Promise<WaitingShell> {
  const [theirs, ours] = connection
  try {
    const command = ['-c', script, NAME, ...argv]
    const { pid } = await spawnDetached('/bin/sh', command, output ?? 'ignore', [theirs, ...fds], {
      env,
    })
    return { pid, fd: ours }
  } catch (error) {
    closeDescriptor(ours)
    throw error
  } finally {
    closeDescriptor(theirs)
  }
}
