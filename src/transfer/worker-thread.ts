import { Worker } from 'node:worker_threads'
import { InternalError } from '../errors.ts'
import { programUrl } from '../io/program-url.ts'

/** The last message to a thread: close your port, which ends you. */
export const END = 'end'

/** The program of a thread, and the receiver of its answers. */
export interface WorkerThreadOptions<Answer> {
  /** See `programUrl`. */
  readonly program: URL
  readonly data: unknown
  /** Whether the thread keeps the process alive from the start. */
  readonly keepsProcess: boolean
  readonly onAnswer: (answer: Answer) => void
  /** Called when the program itself fails. */
  readonly onFailure: (error: InternalError) => void
}

/** A thread that receives jobs and sends answers. Disposing it waits until it has processed all jobs. */
export class WorkerThread<Job, Answer> implements AsyncDisposable {
  readonly #worker: Worker

  constructor(options: WorkerThreadOptions<Answer>) {
    const { program, data, keepsProcess, onAnswer, onFailure } = options
    this.#worker = new Worker(programUrl(program), { workerData: data })
    if (!keepsProcess) this.#worker.unref()
    this.#worker.on('message', onAnswer)
    this.#worker.on('error', (cause) =>
      onFailure(new InternalError('A worker thread failed', { cause })),
    )
  }

  post(job: Job): void {
    this.#worker.postMessage(job)
  }

  /** It is not terminated: a thread terminated while it loads a native module takes the whole process with it. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#worker.threadId === -1) return
    this.#worker.ref()
    const exited = new Promise((resolve) => this.#worker.once('exit', resolve))
    this.#worker.postMessage(END)
    await exited
  }
}
