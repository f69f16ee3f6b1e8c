import { openLog } from '../../io/records/log-file.ts'
import { closeDescriptor } from '../../io/system-calls.ts'
import { startWaitingShell } from './waiting-shell.ts'

/**
 * Runs a program until nobody has the other end of descriptor 3 open, then ends it. Whoever stops everything at once (systemd, a terminal) must not
 * prevent that.
 */
const RUN = '"$@" 3<&- & trap "" TERM INT HUP; while IFS= read -r line <&3; do :; done; kill $!'

/** A program that serves a QEMU and does not end by itself. QEMU inherits `fd`: the program ends when this process has closed it, or was killed, and no QEMU has it. */
export class BoundProcess implements Disposable {
  readonly fd: number
  /** That of the shell that waits for QEMU's end. */
  readonly pid: number
  #isClosed = false

  private constructor(fd: number, pid: number) {
    this.fd = fd
    this.pid = pid
  }

  /** @throws QemuError QEMU_START_FAILED, StorageError */
  static async start(
    program: string,
    argv: readonly string[],
    path: string,
  ): Promise<BoundProcess> {
    await using log = await openLog(path)
    const { fd, pid } = await startWaitingShell(RUN, [program, ...argv], { output: log.fd })
    return new BoundProcess(fd, pid)
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return
    this.#isClosed = true
    closeDescriptor(this.fd)
  }
}
