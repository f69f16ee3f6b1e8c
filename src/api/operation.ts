/** What an act is given so that it can be watched and cancelled. */
export interface Watched<Progress> {
  readonly signal: AbortSignal
  readonly onProgress: (progress: Progress) => void
}

/** What a caller may have given to watch or cancel the act. */
interface Watching<Progress> {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

/**
 * A long act under way. It is the promise of its result, the async iterable of its progress, and can be cancelled:
 *
 * ```ts
 * const saving = web.save('/backup/web.save')
 * for await (const progress of saving) console.log(progress.phase)
 * const { image } = await saving
 * ```
 *
 * - The act begins at once, whether somebody awaits it or not.
 * - `await` gives the result or throws the failure, as often as it is asked.
 * - An iteration begins with the latest progress and ends with the act. It throws the failure of the act. A slow reader misses what is
 *   outdated (unless the progress are results that matter one by one, as those of `hostSave`). Several iterations do not disturb each other.
 * - Leaving the iteration with `break` does not cancel the act and does not lose its result: await the operation for it.
 * - A failure counts as handled once the operation is awaited or while it is iterated. A failure that nobody looks at is an unhandled
 *   rejection, as that of any promise; the iteration never causes one of its own.
 * - `await using saving = web.save(path)` cancels the act when the block is left before it has ended, and waits for its end.
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
   * Starts the act. `keepAll`: a reader gets every report, not only the latest.
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
   * Ends the act as if it had not begun, as far as it can still be undone; it then fails with `CancelledError`, whose `cause` is `reason`.
   * Does nothing when the act is over. Await the operation to learn when it has ended, and how.
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

  /** Gives the progress until the act ends; throws its failure. */
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

  /** Cancels the act when it is still under way, and waits for its end. */
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
        signal: signal === undefined ? own : AbortSignal.any([signal, own]),
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
