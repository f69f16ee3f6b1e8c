import type { Brought } from '../memory-sources/memory-source.ts'
import type { RestoreTiming } from './restore-request.ts'

/** Measures the times of a restore, from its creation on. */
export class RestoreClock {
  readonly #startMs = performance.now()
  #launchedMs = 0
  #loadedMs = 0
  #ranMs = 0

  /** Records that QEMU was started and its machine is empty. */
  launched(): void {
    this.#launchedMs = performance.now()
  }

  /** Records that the source has loaded the machine. */
  loaded(): void {
    this.#loadedMs = performance.now()
  }

  /** Records that the guest runs, or stays paused as requested. */
  ran(): void {
    this.#ranMs = performance.now()
  }

  /** The times, after `ran`. */
  timing({ allMemory }: Pick<Brought, 'allMemory'>): RestoreTiming {
    const deviceStateMs = this.#loadedMs - this.#startMs
    return {
      totalMs: this.#ranMs - this.#startMs,
      startMs: this.#launchedMs - this.#startMs,
      loadMs: this.#loadedMs - this.#launchedMs,
      resumeMs: this.#ranMs - this.#loadedMs,
      deviceStateMs,
      firstOutputMs: undefined,
      allRamMs: allMemory ? deviceStateMs : undefined,
    }
  }
}
