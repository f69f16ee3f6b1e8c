import { Worker } from 'node:worker_threads'
import { InternalError, StasisError, StorageError } from '../errors.ts'
import { explained } from '../io/storage-error.ts'
import { requireDescriptors } from '../io/processes/spare-descriptors.ts'
import { programUrl } from '../io/program-url.ts'
import { exitWithoutThreads } from '../io/processes/exit-without-threads.ts'
import { END, READY, type ThreadInput, giveUpThread } from './thread-port.ts'

/** The program of a thread, and the receiver of its answers. */
export interface WorkerThreadOptions<Answer> {
  /** See `programUrl`. */
  readonly program: URL
  readonly data: unknown
  /** Whether the thread keeps the process alive from the start. */
  readonly keepsProcess: boolean
  readonly onAnswer: (answer: Answer) => void
  /** How long it may take until its program runs. Default: 30 s, because a host can be overloaded. */
  readonly startMs?: number | undefined
  /** Called when the program itself fails, or does not start in time. */
  readonly onFailure: (error: StasisError) => void
}

/** The descriptors that a thread opens until it runs: its event loop, and the files of its program. */
const DESCRIPTORS_OF_THREAD = 12

/** The descriptors that this thread may open while another starts: an image, its parts, sockets. */
const DESCRIPTORS_MEANWHILE = 16

const START_MS = 30_000

const HINT =
  'Free some memory, or raise the limit of processes and of open files (`ulimit -u`, `ulimit -n`, TasksMax= of the service)'

/** Threads that are starting: each still opens its descriptors. */
let starting = 0

/** @throws StorageError when the host has no thread left for us */
function startWorker(program: URL, input: ThreadInput<unknown>): Worker {
  try {
    // Without them the thread fails later, in one of many ways.
    requireDescriptors(DESCRIPTORS_OF_THREAD * (starting + 1) + DESCRIPTORS_MEANWHILE)
    return new Worker(program, { workerData: input })
  } catch (cause) {
    throw startFailure(`Could not start a thread: ${(cause as Error).message}`, cause)
  }
}

function startFailure(message: string, cause?: unknown): StorageError {
  return new StorageError('IO_ERROR', message, { operation: 'start a thread', cause, hint: HINT })
}

/**
 * A thread that receives jobs and sends answers. Disposing it waits until it has processed all jobs. A thread whose program does not run in time, which
 * happens where descriptors or memory run out at a bad moment, fails and is left alone. It never runs its jobs.
 */
export class WorkerThread<Job, Answer> implements AsyncDisposable {
  readonly #worker: Worker
  #isStarting = true
  #isStuck = false

  constructor(options: WorkerThreadOptions<Answer>) {
    const { program, data, keepsProcess, startMs = START_MS, onAnswer, onFailure } = options
    const start = new SharedArrayBuffer(4)
    this.#worker = startWorker(programUrl(program), { data, start })
    starting += 1
    const timer = setTimeout(() => {
      this.#started(timer)
      // Its message may only be waiting.
      if (!giveUpThread(start)) return
      this.#isStuck = true
      this.#worker.unref()
      exitWithoutThreads()
      onFailure(startFailure(`A thread did not start within ${startMs / 1000} s`))
    }, startMs)
    timer.unref()
    if (!keepsProcess) this.#worker.unref()
    this.#worker.on('message', (message: Answer | typeof READY) => {
      if (message === READY) this.#started(timer)
      else onAnswer(message)
    })
    for (const event of ['error', 'exit']) this.#worker.once(event, () => this.#started(timer))
    this.#worker.on('error', (cause) => {
      if (this.#isStuck) return
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
    // One that wakes up after all ends as well.
    this.#worker.postMessage(END)
    if (this.#isStuck) return
    this.#worker.ref()
    await new Promise((resolve) => this.#worker.once('exit', resolve))
  }

  #started(timer: NodeJS.Timeout): void {
    clearTimeout(timer)
    if (this.#isStarting) starting -= 1
    this.#isStarting = false
  }
}
