import type { QmpConnection } from '../../../qmp/connection.ts'
import type { QmpEventListener } from '../../../qmp/events.ts'

/** How long the guest was stopped, by the times of QEMU's events. */
export interface Pause {
  readonly pauseMs: number
  /** Milliseconds since 1970, by QEMU's clock. */
  readonly stopAtMs: number | undefined
}

/** Measures stops of a guest, from its making until it is disposed. */
export class PauseMeter implements Disposable {
  readonly #events: QmpEventListener<'STOP' | 'RESUME'>
  readonly #stops: { readonly stopAtMs: number; endMs: number }[] = []

  constructor(control: QmpConnection) {
    this.#events = control.listen('STOP', 'RESUME')
  }

  /** The last stop so far. */
  async last(): Promise<Pause> {
    for (;;) {
      const event = await this.#events.next({ timeoutMs: 0 })
      if (event === undefined) break
      const { name, timeMs } = event
      if (name === 'STOP') this.#stops.push({ stopAtMs: timeMs, endMs: timeMs })
      const stop = this.#stops.at(-1)
      if (name === 'RESUME' && stop !== undefined) stop.endMs = timeMs
    }
    const stop = this.#stops.at(-1)
    if (stop === undefined) return { pauseMs: 0, stopAtMs: undefined }
    return { pauseMs: stop.endMs - stop.stopAtMs, stopAtMs: stop.stopAtMs }
  }

  [Symbol.dispose](): void {
    this.#events[Symbol.dispose]()
  }
}
