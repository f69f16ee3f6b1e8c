import { Socket } from 'node:net'
import { basename } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { QemuError, inOneLine } from '../../errors.ts'
import { isThere } from '../../io/files/file-names.ts'
import { openLog, readTail } from '../../io/records/log-file.ts'
import { identifyProcess } from './process-identity.ts'
import { startWaitingShell } from './waiting-shell.ts'

/** How long a program may take until it listens. */
const READY_MS = 10_000
const LOOK_MS = 5

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
  readonly #name: string
  readonly #log: { readonly path: string; readonly offset: number }
  readonly #starter: Socket

  private constructor(
    pid: number,
    name: string,
    log: { readonly path: string; readonly offset: number },
    starter: Socket,
  ) {
    this.pid = pid
    this.#name = name
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
    const { fd } = await startWaitingShell(RUN, [program, ...argv], { output: log.fd, fds })
    using kept = new DisposableStack()
    const starter = new Socket({ fd, readable: true, writable: true })
    kept.defer(() => starter.destroy())
    const pid = await numberFrom(starter, program)
    kept.move()
    return new CompanionProcess(pid, basename(program), { path, offset: log.offset }, starter)
  }

  /** Its output since its start. */
  tail(): string {
    return inOneLine(readTail(this.#log.path, this.#log.offset, MAX_TAIL))
  }

  /** Waits until it listens on a socket. @throws QemuError QEMU_START_FAILED with what it has written */
  async untilListening(socket: string, operation: string): Promise<void> {
    const deadline = performance.now() + READY_MS
    while (!(await isThere(socket))) {
      if (performance.now() > deadline || (await identifyProcess(this.pid)) === undefined)
        throw new QemuError('QEMU_START_FAILED', `${this.#name} did not start: ${this.tail()}`, {
          operation,
        })
      await delay(LOOK_MS)
    }
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
