import { Worker } from 'node:worker_threads'
import { ramAddressOf } from '../../content/fill-guest.ts'
import type { ProgressThreadData } from './progress-thread.ts'

/** Two minutes. */
const SAMPLES = 120_000

/** Where the guest of `test/guests/pages.s` begins to write. */
const REGION = 0x200000

/** A part of a time. */
export interface Span {
  readonly fromMs: number
  readonly toMs: number
}

/** How a guest got on during something. */
export interface Progress {
  /** Its pages per second then, as a part of those before. */
  readonly writeSpeed: number
  /** The longest time in which it wrote nothing and that touches the stop. */
  readonly visibleSeconds: number
  /** The longest other one. */
  readonly slowestWriteSeconds: number
}

/** Watches from outside how fast a guest writes its pages. */
export class GuestProgress implements AsyncDisposable {
  readonly #worker: Worker
  readonly #samples = new SharedArrayBuffer(SAMPLES * 16)
  readonly #state = new SharedArrayBuffer(8)

  constructor(guest: { readonly pid: number; readonly ramBytes: number; readonly pages: number }) {
    const { pid, ramBytes, pages } = guest
    const address = ramAddressOf(pid, ramBytes) + REGION
    const shared = { samples: this.#samples, state: this.#state }
    const workerData: ProgressThreadData = { pid, address, pages, ...shared }
    this.#worker = new Worker(new URL('./progress-thread.ts', import.meta.url), { workerData })
  }

  /** The progress in a span, beside everything before it. `stop` is when the guest was stopped, by QEMU's clock. */
  of(span: Span, stop: Span | undefined): Progress {
    const all = this.#read()
    const before = speedOf(all.filter(({ timeMs }) => timeMs < span.fromMs))
    const during = all.filter(({ timeMs }) => timeMs >= span.fromMs && timeMs <= span.toMs)
    let visibleMs = 0
    let slowestMs = 0
    let since = during[0]
    for (const sample of during) {
      if (since === undefined || sample.pages !== since.pages) since = sample
      const standsMs = sample.timeMs - since.timeMs
      const touches =
        stop !== undefined && since.timeMs <= stop.toMs + 1 && sample.timeMs >= stop.fromMs - 1
      if (touches) visibleMs = Math.max(visibleMs, standsMs)
      else slowestMs = Math.max(slowestMs, standsMs)
    }
    return {
      writeSpeed: speedOf(during) / before,
      visibleSeconds: visibleMs / 1000,
      slowestWriteSeconds: slowestMs / 1000,
    }
  }

  #read(): readonly { readonly timeMs: number; readonly pages: number }[] {
    const samples = new Float64Array(this.#samples)
    const count = Atomics.load(new Int32Array(this.#state), 0)
    return Array.from({ length: count }, (_, at) => ({
      timeMs: samples[at * 2] ?? 0,
      pages: samples[at * 2 + 1] ?? 0,
    }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const state = new Int32Array(this.#state)
    Atomics.store(state, 1, 1)
    Atomics.notify(state, 1)
    await this.#worker.terminate()
  }
}

function speedOf(samples: readonly { readonly timeMs: number; readonly pages: number }[]): number {
  const [first, last] = [samples[0], samples.at(-1)]
  if (first === undefined || last === undefined || last.timeMs <= first.timeMs) return Number.NaN
  return (last.pages - first.pages) / (last.timeMs - first.timeMs)
}
