import type { StasisError } from '../errors.ts'
import { WorkerThread, type WorkerThreadOptions } from './worker-thread.ts'

/** A thread that gives one answer to each job, in the order of the jobs. */
export class AnsweringThread<Job, Answer> implements AsyncDisposable {
  readonly #thread: WorkerThread<Job, Answer>
  readonly #waiting: PromiseWithResolvers<Answer>[] = []
  #failure: StasisError | undefined

  constructor(options: Omit<WorkerThreadOptions<Answer>, 'onAnswer' | 'onFailure'>) {
    this.#thread = new WorkerThread({
      ...options,
      onAnswer: (answer) => this.#waiting.shift()?.resolve(answer),
      onFailure: (error) => {
        this.#failure = error
        for (const { reject } of this.#waiting.splice(0)) reject(error)
      },
    })
  }

  /** The number of pending answers. */
  get pending(): number {
    return this.#waiting.length
  }

  /** @throws StasisError when the thread fails */
  ask(job: Job): Promise<Answer> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    const answer = this.next()
    this.#thread.post(job)
    return answer
  }

  /** The next unsolicited answer, which arrives after the answers to all earlier jobs. @throws StasisError when the thread fails */
  next(): Promise<Answer> {
    const waiting = Promise.withResolvers<Answer>()
    this.#waiting.push(waiting)
    return waiting.promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread[Symbol.asyncDispose]()
  }
}
