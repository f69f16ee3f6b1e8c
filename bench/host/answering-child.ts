import { type ChildProcess, fork } from 'node:child_process'

/** A program that loads what it needs, says so by a message, and answers each message with another. When its scope ends, it ends as soon as it has nothing to do. */
export class AnsweringChild implements Disposable {
  readonly #child: ChildProcess

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  /** Starts a program and waits until it is ready. */
  static async start(
    program: URL,
    args: readonly string[],
    env: NodeJS.ProcessEnv = process.env,
  ): Promise<AnsweringChild> {
    const execArgv = ['--disable-warning=ExperimentalWarning']
    const child = new AnsweringChild(fork(program, args, { env, execArgv }))
    await child.#next()
    return child
  }

  /** Sends a message and returns the answer; without one in time the process ends. */
  async ask(message: object, timeoutMs: number): Promise<unknown> {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), timeoutMs)
    try {
      this.#child.send(message)
      return await this.#next()
    } finally {
      clearTimeout(timer)
    }
  }

  #next(): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const onExit = (code: number | null, signal: string | null): void =>
      reject(new Error(`${this.#child.spawnargs.join(' ')} ended with ${code ?? signal}`))
    this.#child.once('exit', onExit)
    this.#child.once('message', (message) => {
      this.#child.removeListener('exit', onExit)
      resolve(message)
    })
    return promise
  }

  [Symbol.dispose](): void {
    // A process that has restored a guest may still hand over its memory.
    if (this.#child.connected) this.#child.disconnect()
    this.#child.unref()
  }
}
