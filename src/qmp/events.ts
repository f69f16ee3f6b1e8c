import { CancelledError, QemuError } from '../errors.ts'

/** Data of the events that this project listens to (QEMU qapi/*.json, the same in 7.2 and 10.0). */
export interface QmpEventData {
  readonly STOP: undefined
  readonly RESUME: undefined
  readonly RESET: { readonly guest: boolean; readonly reason: string }
  readonly SHUTDOWN: { readonly guest: boolean; readonly reason: string }
  readonly POWERDOWN: undefined
  readonly SUSPEND: undefined
  readonly WAKEUP: undefined
  readonly MIGRATION: { readonly status: string }
  readonly MIGRATION_PASS: { readonly pass: number }
  readonly BLOCK_IO_ERROR: {
    readonly device: string
    readonly operation: 'read' | 'write'
    readonly action: string
    readonly nospace?: boolean
    readonly reason: string
  }
  readonly GUEST_PANICKED: { readonly action: string }
  readonly DEVICE_DELETED: { readonly device?: string; readonly path: string }
}

/** The events that `listen` knows. */
export type QmpEventName = keyof QmpEventData

/**
 * One event of QEMU; `timeMs` combines the `seconds` and `microseconds` of its clock. The data of an event that is not in `QmpEventData` are not described; `undefined` when it has
 * none.
 */
export type QmpEvent<N extends string = QmpEventName> = {
  [K in N]: {
    readonly name: K
    readonly data: K extends QmpEventName
      ? QmpEventData[K]
      : Readonly<Record<string, unknown>> | undefined
    readonly timeMs: number
  }
}[N]

/** Bounds of one wait for an event. */
export interface WaitOptions {
  readonly signal?: AbortSignal | undefined
  /** When it passes, `next()` returns `undefined`. */
  readonly timeoutMs?: number | undefined
}

/**
 * A filtered queue of events. Open it before sending the command that causes them, so that none is lost.
 * @example
 * using events = qmp.listen('SHUTDOWN')
 * await qmp.execute('system_powerdown')
 * for await (const { data } of events) console.log(data.reason)
 */
export class QmpEventListener<N extends string> implements Disposable {
  readonly #names: ReadonlySet<string>
  readonly #forget: (listener: QmpEventListener<N>) => void
  readonly #queue: QmpEvent<N>[] = []
  #waiting: (() => void)[] = []
  #ended: Error | 'disposed' | undefined

  constructor(names: readonly N[], forget: (listener: QmpEventListener<N>) => void) {
    this.#names = new Set(names)
    this.#forget = forget
  }

  /** Queues an event of one of its names and drops all others. The connection calls this for every event. */
  offer(event: QmpEvent<string>): void {
    if (this.#ended !== undefined || !this.#names.has(event.name)) return
    this.#queue.push(event as QmpEvent<N>)
    this.#wake()
  }

  /** Ends the queue with the connection: `next()` returns what is queued, then throws `reason`. */
  end(reason: Error): void {
    this.#ended ??= reason
    this.#wake()
  }

  /**
   * The next event; `undefined` when `timeoutMs` passed or the listener was disposed. Throws the reason when the connection ended (`QEMU_DIED`),
   * `CancelledError` when `signal` is aborted.
   */
  async next(options: WaitOptions = {}): Promise<QmpEvent<N> | undefined> {
    const { signal, timeoutMs } = options
    const deadline = timeoutMs === undefined ? undefined : performance.now() + timeoutMs
    for (;;) {
      if (signal?.aborted === true) throw new CancelledError('wait for an event', signal.reason)
      const event = this.#queue.shift()
      if (event !== undefined) return event
      if (this.#ended === 'disposed') return undefined
      if (this.#ended !== undefined) throw this.#ended
      const leftMs = deadline === undefined ? undefined : deadline - performance.now()
      if (leftMs !== undefined && leftMs <= 0) return undefined
      await this.#pause(signal, leftMs)
    }
  }

  /** Every event until the listener is disposed; throws the reason when the connection ends. */
  async *[Symbol.asyncIterator](): AsyncGenerator<QmpEvent<N>, void, void> {
    for (;;) {
      const event = await this.next()
      if (event === undefined) return
      yield event
    }
  }

  /** Ends the queue. */
  [Symbol.dispose](): void {
    this.#ended ??= 'disposed'
    this.#queue.length = 0
    this.#forget(this)
    this.#wake()
  }

  #pause(signal: AbortSignal | undefined, leftMs: number | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.push(resolve)
    const timer = leftMs === undefined ? undefined : setTimeout(resolve, Math.ceil(leftMs))
    const stop = (): void => resolve()
    signal?.addEventListener('abort', stop)
    return promise.finally(() => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', stop)
      this.#waiting = this.#waiting.filter((waiter) => waiter !== resolve)
    })
  }

  #wake(): void {
    for (const waiter of this.#waiting) waiter()
  }
}

/** Reads an event message; throws `QEMU_STREAM` when it does not have QMP's shape. */
export function readEvent(message: Record<string, unknown>): QmpEvent<string> {
  const name = message['event']
  const at = message['timestamp'] as { seconds?: unknown; microseconds?: unknown } | undefined
  if (typeof name !== 'string') {
    throw new QemuError('QEMU_STREAM', 'QEMU sent an event without a name')
  }
  const timeMs = Number(at?.seconds ?? 0) * 1000 + Number(at?.microseconds ?? 0) / 1000
  return { name, data: message['data'], timeMs } as QmpEvent<string>
}
