import { Socket } from 'node:net'
import { QemuError, inOneLine } from '../../errors.ts'
import { cleanEnvironment } from '../../io/processes/clean-environment.ts'
import { openLog, readTail } from '../../io/files/log-file.ts'
import { closeDescriptor, connectedPair } from '../../io/system-calls.ts'
import { spawnDetached } from './spawn-detached.ts'

/** The longest part of a log that a message contains. */
const MAX_TAIL = 2000

/**
 * Runs a program and reports its number. Until it reads a line, it ends the program when descriptor 3 closes: then the process that started it was
 * killed, and QEMU may never have connected. Later the program ends by itself when QEMU closes its connection.
 */
const RUN =
  '"$@" 3<&- & exec 4<&- 5<&- 6<&- 7<&-; echo $! >&3; IFS= read -r line <&3 && exit 0; kill $!'

/** A program beside QEMU that waits for it. Unless QEMU has connected, disposing ends it. */
export class CompanionProcess implements AsyncDisposable {
  readonly pid: number
  readonly #log: { readonly path: string; readonly offset: number }
  readonly #starter: Socket

  private constructor(
    pid: number,
    log: { readonly path: string; readonly offset: number },
    starter: Socket,
  ) {
    this.pid = pid
    this.#log = log
    this.#starter = starter
  }

  /** Starts a program; it inherits `fds`, four at most, from 4 on. @throws QemuError QEMU_START_FAILED, StorageError */
  static async start(
    program: string,
    argv: readonly string[],
    { log: path, fds }: { readonly log: string; readonly fds: readonly number[] },
  ): Promise<CompanionProcess> {
    await using log = await openLog(path)
    const [watched, ours] = connectedPair()
    using kept = new DisposableStack()
    const starter = new Socket({ fd: ours, readable: true, writable: true })
    kept.defer(() => starter.destroy())
    try {
      const command = ['-c', RUN, 'stasis-watcher', program, ...argv]
      await spawnDetached('/bin/sh', command, log.fd, [watched, ...fds], {
        env: cleanEnvironment(),
      })
    } finally {
      closeDescriptor(watched)
    }
    const pid = await numberFrom(starter, program)
    kept.move()
    return new CompanionProcess(pid, { path, offset: log.offset }, starter)
  }

  /** Its output since its start. */
  tail(): string {
    return inOneLine(readTail(this.#log.path, this.#log.offset, MAX_TAIL))
  }

  /** QEMU has connected: from now on its end is that of this program. */
  connected(): void {
    this.#starter.end('connected\n')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#starter.destroy()
    await Promise.resolve()
  }
}

async function numberFrom(socket: Socket, program: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const fail = (): void =>
    reject(new QemuError('QEMU_START_FAILED', `${program} cannot be run`, { path: program }))
  socket.once('data', (line: Buffer) => resolve(Number(line.toString('latin1'))))
  socket.once('error', fail)
  socket.once('close', fail)
  const pid = await promise
  socket.off('error', fail).off('close', fail)
  socket.on('error', () => undefined)
  socket.unref()
  return pid
}
