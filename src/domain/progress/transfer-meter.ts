import type { TransferProgress } from '../../transfer/image-receiver.ts'
import type { TransferMeasure } from './progress.ts'

const INTERVAL_MS = 200
const WINDOW_MS = 3000

interface Sample {
  readonly timeMs: number
  readonly ramBytes: number
  readonly transferredBytes: number
}

/** Turns the counters of a transfer into measures with a rate and a time left. Times are of any monotonic clock. */
export class TransferMeter {
  readonly #startMs: number
  #window: readonly Sample[] = []

  constructor(startMs: number) {
    this.#startMs = startMs
  }

  measure(progress: TransferProgress, timeMs: number): TransferMeasure {
    const { ramBytes, ramTotalBytes, transferredBytes, fileBytes, channelBytes } = progress
    const { memory, lanes } = progress
    const now = { timeMs, ramBytes, transferredBytes }
    const recent = this.#window.filter((sample) => timeMs - sample.timeMs <= WINDOW_MS)
    const first = recent[0] ?? this.#window.at(-1) ?? now
    this.#window = [...recent, now]
    const seconds = (timeMs - first.timeMs) / 1000
    const perSecond = (amount: number): number => (seconds > 0 ? amount / seconds : 0)
    const ramRate = perSecond(ramBytes - first.ramBytes)
    const left = Math.max(0, ramTotalBytes - ramBytes)
    return {
      percent: ramTotalBytes > 0 ? Math.min(100, (ramBytes / ramTotalBytes) * 100) : 0,
      ramBytes,
      ramTotalBytes,
      transferredBytes,
      fileBytes,
      rateBytesPerSecond: perSecond(transferredBytes - first.transferredBytes),
      channelBytes,
      ...(memory !== undefined && { memory }),
      ...(lanes !== undefined && { lanes }),
      elapsedMs: timeMs - this.#startMs,
      etaMs: ramRate > 0 && ramTotalBytes > 0 ? (left / ramRate) * 1000 : undefined,
    }
  }
}

/** Reports a transfer about five times a second until it is disposed, and once at the end. Throws what `report` throws, at the latest when it is disposed. */
export function watchTransfer(
  read: () => TransferProgress,
  report: (measure: TransferMeasure) => void,
): Disposable {
  const meter = new TransferMeter(performance.now())
  const tick = (): void => report(meter.measure(read(), performance.now()))
  tick()
  let fault: { readonly error: unknown } | undefined
  const timer = setInterval(() => {
    try {
      tick()
    } catch (error) {
      // Thrown from a timer it would end the process.
      fault = { error }
      clearInterval(timer)
    }
  }, INTERVAL_MS)
  return {
    [Symbol.dispose](): void {
      clearInterval(timer)
      if (fault !== undefined) throw fault.error
      tick()
    },
  }
}
