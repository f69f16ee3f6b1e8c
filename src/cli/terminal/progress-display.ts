import { everyInterval } from './plain-interval.ts'
import { type AnyProgress, progressLine } from './progress-line.ts'
import type { Output } from './output.ts'

interface Shown {
  readonly json: boolean
  readonly quiet: boolean
  readonly output: Pick<
    Output,
    'jsonProgress' | 'liveColumns' | 'liveLines' | 'endLiveLines' | 'note'
  >
}

/**
 * Shows progress until it is disposed: one live line on a terminal, JSON lines with `--json`, and otherwise a line every 10 seconds, and one when a wait
 * begins. Nothing with `-q`.
 */
export class ProgressDisplay implements Disposable {
  readonly #invocation: Shown
  readonly #plain: Disposable
  #latest: AnyProgress | undefined
  #waits = false

  constructor(invocation: Shown) {
    this.#invocation = invocation
    this.#plain = everyInterval(() => this.#showPlain())
  }

  /** For `onProgress`. */
  readonly show = (progress: AnyProgress): void => {
    const { json, quiet, output } = this.#invocation
    this.#latest = progress
    if (json) output.jsonProgress({ type: 'progress', ...progress })
    else if (quiet) return
    else if (output.liveColumns !== undefined)
      output.liveLines([progressLine(progress, output.liveColumns)])
    else if (progress.phase.startsWith('waiting-') && !this.#waits) {
      this.#waits = true
      output.note(progressLine(progress, Infinity))
    }
  }

  #showPlain(): void {
    const { json, quiet, output } = this.#invocation
    if (this.#latest === undefined || json || quiet || output.liveColumns !== undefined) return
    output.note(progressLine(this.#latest, Infinity))
  }

  [Symbol.dispose](): void {
    this.#plain[Symbol.dispose]()
    this.#invocation.output.endLiveLines()
  }
}
