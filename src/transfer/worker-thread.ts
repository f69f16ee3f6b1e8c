import { Worker } from 'node:worker_threads'
import { InternalError, StasisError, StorageError, explained } from '../errors.ts'
import { requireDescriptors } from '../io/spare-descriptors.ts'
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
  readonly onFailure: (error: StasisError) => void
}

/** What a thread opens until it runs: its event loop, and the files of its program. */
const DESCRIPTORS_OF_THREAD = 12

/** What this thread may open while another starts: an image, its parts, sockets. A thread that finds none left can wait for ever. */
const DESCRIPTORS_MEANWHILE = 16

/** Threads that have not run yet: each still opens its descriptors. */
let starting = 0

/** @throws StorageError when the host has no thread left for us */
function startWorker(program: URL, data: unknown): Worker {
  try {
    // Without them the thread fails later, in one of many ways.
    requireDescriptors(DESCRIPTORS_OF_THREAD * (starting + 1) + DESCRIPTORS_MEANWHILE)
    const worker = new Worker(program, { workerData: data })
    starting += 1
    let isStarting = true
    const started = (): void => {
      if (isStarting) starting -= 1
      isStarting = false
    }
    for (const event of ['online', 'error', 'exit']) worker.once(event, started)
    return worker
  } catch (cause) {
    throw new StorageError('IO_ERROR', `Could not start a thread: ${(cause as Error).message}`, {
      operation: 'start a thread',
      cause,
      hint: 'Free some memory, or raise the limit of processes and of open files (`ulimit -u`, `ulimit -n`, TasksMax= of the service)',
    })
  }
}

/** A thread that receives jobs and sends answers. Disposing it waits until it has processed all jobs. */
export class WorkerThread<Job, Answer> implements AsyncDisposable {
  readonly #worker: Worker

  constructor(options: WorkerThreadOptions<Answer>) {
    const { program, data, keepsProcess, onAnswer, onFailure } = options
    this.#worker = startWorker(programUrl(program), data)
    if (!keepsProcess) this.#worker.unref()
    this.#worker.on('message', onAnswer)
    this.#worker.on('error', (cause) => {
      const known = explained('work in a thread', cause)
      onFailure(
        known instanceof StasisError
          ? known
          : new InternalError('A worker thread failed', { cause }),
      )
    })
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
