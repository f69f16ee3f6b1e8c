import { closeDescriptor, sendFew } from '../../io/system-calls.ts'
import { helperInvocation } from './spawn-helper.ts'
import { startWaitingShell } from './waiting-shell.ts'

/**
 * Waits for a line or the end of descriptor 3. At the end without a line, the process that held the other end was killed, and the program runs in
 * place of the shell.
 */
const WAIT = 'IFS= read -r line <&3 && exit 0; exec 3<&-; exec "$@"'

/** Options of a watcher. */
export interface WatcherOptions {
  readonly compileCache?: string | undefined
  /** The watcher and its program inherit these from 4 on; they must stay open until it has started. */
  readonly fds?: readonly number[] | undefined
  /**
   * The connection to the watcher: its end and ours, which belong to the watcher from now on. With copies of ours, other processes hold the watcher back,
   * and dismiss it (`dismissWatcher`). Default: a new one.
   */
  readonly connection?: readonly [number, number] | undefined
}

/**
 * Runs a program of ours when this process ends, however it ends, before this was disposed. The program is in its own session, and does not depend on
 * anything of this process.
 */
export class ProcessWatcher implements AsyncDisposable {
  readonly #started: Promise<number | undefined>

  /** Starts to watch. Nothing waits for that: a watcher that cannot be started is missed only if this process is killed. */
  constructor(script: string, argv: readonly string[], options: WatcherOptions = {}) {
    this.#started = start(script, argv, options).catch(() => undefined)
  }

  /** Settles when it watches, or cannot be started. */
  get started(): Promise<unknown> {
    return this.#started
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ours = await this.#started
    if (ours !== undefined) dismissWatcher(ours)
  }

  /** Leaves the watcher to the processes that have copies of our end of its connection. */
  async leave(): Promise<void> {
    const ours = await this.#started
    if (ours !== undefined) closeDescriptor(ours)
  }
}

/** Dismisses the watcher whose connection has this end, and closes the end. */
export function dismissWatcher(fd: number): void {
  sendFew(fd, DISMISSAL)
  closeDescriptor(fd)
}

const DISMISSAL = Buffer.from('dismissed\n')

/** Returns our end of the connection to the shell. */
async function start(
  script: string,
  argv: readonly string[],
  { compileCache, fds, connection }: WatcherOptions,
): Promise<number> {
  const { program, args, env } = helperInvocation(script, argv, compileCache)
  return (await startWaitingShell(WAIT, [program, ...args], { env, fds, connection })).fd
}
