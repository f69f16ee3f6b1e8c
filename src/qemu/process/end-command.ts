import { closeDescriptor } from '../../io/system-calls.ts'
import { startWaitingShell } from './waiting-shell.ts'

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
    env?: NodeJS.ProcessEnv,
  ): Promise<EndCommand> {
    const { fd, pid } = await startWaitingShell(WAIT, [program, ...argv], { env })
    return new EndCommand(fd, pid)
  }

  [Symbol.dispose](): void {
    closeDescriptor(this.fd)
  }
}
