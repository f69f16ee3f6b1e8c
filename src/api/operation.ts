import { anySignal } from '../io/any-signal.ts'

/** The means to watch and cancel an operation. */
export interface Watched<Progress> {
  readonly signal: AbortSignal
  readonly onProgress: (progress: Progress) => void
}

/** The caller's means to watch or cancel the operation. */
interface Watching<Progress> {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

/**
 * A long operation in progress. It is the promise of its result, the async iterable of its progress, and it can be cancelled.
 *
 * - It starts at once, whether or not anything awaits it.
 * - `await` returns the result or throws the error, as often as you like.
 * - An iteration starts with the latest progress and ends with the operation. It throws the error of the operation. A slow reader misses outdated progress, except that of `hostSave()` and
 *   `hostResume()`, where each report is a result. Several iterations do not disturb each other.
 * - `break` leaves the iteration. It does not cancel the operation and does not lose its result: await the operation for that.
 * - An error counts as handled if the operation is awaited, or is being iterated when it fails. An error that nothing handles is an unhandled rejection, as with any promise; the
 *   iteration never causes another one.
 * - `await using saving = web.save(path)` cancels the operation if the block is left before it has ended, and waits for its end.
 * @example
 * const saving = web.save('/backup/web.save')
 * for await (const progress of saving) console.log(progress.phase)
 * const { image } = await saving
 * @example
 * const saving = web.save('/backup/web.save')
 * process.once('SIGTERM', () => saving.cancel('shutting down'))
 * await saving.catch((error: unknown) => console.error(error)) // CancelledError; the guest runs on
 */
export class Operation<Result, Progress = never>
  implements Promise<Result>, AsyncIterable<Progress>, AsyncDisposable
{
  readonly [Symbol.toStringTag] = 'Operation'
  readonly #abort = new AbortController()
  readonly #result: Promise<Result>
  readonly #keepsAll: boolean
  /** The latest report, or all of them. */
  readonly #reports: Progress[] = []
  #reportCount = 0
  #change = Promise.withResolvers<void>()
  #ended = false
  #readers = 0

  /**
   * Starts the operation. With `keepAll` a reader gets every report, not only the latest.
   * @internal
   */
  constructor(
    act: (watched: Watched<Progress>) => Promise<Result>,
    watching: Watching<Progress> = {},
    { keepAll = false }: { readonly keepAll?: boolean } = {},
  ) {
    this.#keepsAll = keepAll
    this.#result = this.#run(act, watching)
  }

  /**
   * Cancels the operation. It undoes its work if that is still possible, and fails with `CancelledError`, whose `cause` is `reason`. Does nothing if the operation has ended. Await the operation to
   * learn its outcome.
   * @example
   * saving.cancel(new Error('the host is shutting down'))
   */
  cancel(reason?: unknown): void {
    this.#abort.abort(reason)
  }

  /** As of any promise. */
  // oxlint-disable-next-line unicorn/no-thenable
  then<Value = Result, Other = never>(
    onResult?: ((result: Result) => Value | PromiseLike<Value>) | null,
    onFault?: ((fault: unknown) => Other | PromiseLike<Other>) | null,
  ): Promise<Value | Other> {
    return this.#result.then(onResult, onFault)
  }

  /** As of any promise. */
  catch<Other = never>(
    onFault?: ((fault: unknown) => Other | PromiseLike<Other>) | null,
  ): Promise<Result | Other> {
    return this.#result.catch(onFault)
  }

  /** As of any promise. */
  finally(onEnd?: (() => void) | null): Promise<Result> {
    return this.#result.finally(onEnd)
  }

  /** Yields the progress until the operation ends; throws its error. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Progress, void, void> {
    let seen = 0
    this.#readers += 1
    try {
      for (;;) {
        const change = this.#change.promise
        if (seen < this.#reportCount) {
          seen = this.#keepsAll ? seen + 1 : this.#reportCount
          yield this.#reports[this.#keepsAll ? seen - 1 : 0] as Progress
        } else if (this.#ended) {
          await this.#result
          return
        } else await change
      }
    } finally {
      this.#readers -= 1
    }
  }

  /** Cancels the operation if it has not ended, and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) this.cancel(new Error('The block that owned the operation ended'))
    await this.#result.catch(() => undefined)
  }

  async #run(
    act: (watched: Watched<Progress>) => Promise<Result>,
    { signal, onProgress }: Watching<Progress>,
  ): Promise<Result> {
    const own = this.#abort.signal
    try {
      return await act({
        signal: anySignal(own, signal),
        onProgress: (progress) => {
          onProgress?.(progress)
          if (!this.#keepsAll) this.#reports.length = 0
          this.#reports.push(progress)
          this.#reportCount += 1
          this.#wake()
        },
      })
    } catch (fault) {
      // The iteration throws it; it must not count as unhandled besides.
      if (this.#readers > 0) this.#result.catch(() => undefined)
      throw fault
    } finally {
      this.#ended = true
      this.#wake()
    }
  }

  #wake(): void {
    this.#change.resolve()
    this.#change = Promise.withResolvers()
  }
}
