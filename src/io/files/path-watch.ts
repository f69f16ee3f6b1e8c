import { type FSWatcher, watch } from 'node:fs'
import { basename, dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** Watches for a file to appear or change. Where the kernel cannot watch, waits end with their time alone. Does not keep the process alive. */
export class PathWatch implements Disposable {
  readonly #watcher: FSWatcher | undefined
  #change = Promise.withResolvers<void>()

  constructor(path: string) {
    const name = basename(path)
    try {
      this.#watcher = watch(dirname(path), { persistent: false }, (_event, file) => {
        if (file === name) this.#change.resolve()
      })
      this.#watcher.on('error', () => undefined)
    } catch {
      // The directory does not exist yet, or there are no more watches.
    }
  }

  /** Waits for the next change since the last wait, at most `timeoutMs`. Rejects when `signal` is aborted. */
  async next(timeoutMs: number, signal: AbortSignal): Promise<void> {
    const over = new AbortController()
    const stop = (): void => over.abort(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    try {
      if (signal.aborted) stop()
      await Promise.race([
        this.#change.promise,
        delay(timeoutMs, undefined, { signal: over.signal }),
      ])
    } finally {
      signal.removeEventListener('abort', stop)
      over.abort()
      this.#change = Promise.withResolvers()
    }
  }

  [Symbol.dispose](): void {
    this.#watcher?.close()
  }
}
