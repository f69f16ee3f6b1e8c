import { type AnyProgress, progressLine } from './progress-line.ts'
import type { Output } from './output.ts'

/** Shows progress until it is disposed: one live line on a terminal, JSON lines with `--json`, and otherwise only a wait for memory. */
export class ProgressDisplay implements Disposable {
  readonly #invocation: { readonly json: boolean; readonly output: Output }
  #waits = false

  constructor(invocation: { readonly json: boolean; readonly output: Output }) {
    this.#invocation = invocation
  }

  /** For `onProgress`. */
  readonly show = (progress: AnyProgress): void => {
    const { json, output } = this.#invocation
    if (json) output.jsonProgress({ type: 'progress', ...progress })
    else if (output.liveColumns !== undefined)
      output.liveLine(progressLine(progress, output.liveColumns))
    else if (progress.phase === 'waiting-for-memory' && !this.#waits) {
      this.#waits = true
      output.note(progressLine(progress, Infinity))
    }
  };

  [Symbol.dispose](): void {
    this.#invocation.output.endLiveLine()
  }
}
