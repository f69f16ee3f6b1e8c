import { type AnyProgress, progressLine } from './progress-line.ts'
import type { Output } from './output.ts'

interface Shown {
  readonly json: boolean
  readonly quiet: boolean
  readonly output: Output
}

/** Shows progress until it is disposed: one live line on a terminal, JSON lines with `--json`, and otherwise only a wait. Nothing with `-q`. */
export class ProgressDisplay implements Disposable {
  readonly #invocation: Shown
  #waits = false

  constructor(invocation: Shown) {
    this.#invocation = invocation
  }

  /** For `onProgress`. */
  readonly show = (progress: AnyProgress): void => {
    const { json, quiet, output } = this.#invocation
    if (json) output.jsonProgress({ type: 'progress', ...progress })
    else if (quiet) return
    else if (output.liveColumns !== undefined)
      output.liveLine(progressLine(progress, output.liveColumns))
    else if (progress.phase.startsWith('waiting-') && !this.#waits) {
      this.#waits = true
      output.note(progressLine(progress, Infinity))
    }
  };

  [Symbol.dispose](): void {
    this.#invocation.output.endLiveLine()
  }
}
