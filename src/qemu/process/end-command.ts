import { cleanEnvironment } from '../../io/processes/clean-environment.ts'
import { closeDescriptor, connectedPair } from '../../io/system-calls.ts'
import { spawnDetached } from './spawn-detached.ts'

/**
 * Waits until nobody has the other end of descriptor 3 open, then runs the program in place of the shell. A line on the way means nothing: a QEMU that
 * was taken over must not be able to prevent the end. Whoever stops everything at once (systemd, a terminal) must not prevent it either.
 */
const WAIT =
  'trap "" TERM INT HUP; while IFS= read -r line <&3; do :; done; exec 3<&-; exec "$@" >/dev/null 2>&1'

/**
 * A program that runs once QEMU has ended, however it ended, to remove what would outlive it. QEMU inherits `fd`: the program runs when this process has
 * closed it, or was killed, and no QEMU has it.
 */
export class EndCommand implements Disposable {
  readonly fd: number
  readonly pid: number

  private constructor(fd: number, pid: number) {
    this.fd = fd
    this.pid = pid
  }

  /** Call this before the first step that `program` undoes. `env` is its whole environment. @throws QemuError QEMU_START_FAILED */
  static async start(
    program: string,
    argv: readonly string[],
    env: NodeJS.ProcessEnv = cleanEnvironment(),
  ): Promise<EndCommand> {
    const [theirs, ours] = connectedPair()
    try {
      const command = ['-c', WAIT, 'stasis-watcher', program, ...argv]
      const { pid } = await spawnDetached('/bin/sh', command, 'ignore', [theirs], { env })
      return new EndCommand(ours, pid)
    } catch (error) {
      closeDescriptor(ours)
      throw error
    } finally {
      closeDescriptor(theirs)
    }
  }

  [Symbol.dispose](): void {
    closeDescriptor(this.fd)
  }
}
