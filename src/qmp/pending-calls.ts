import { CancelledError, QemuError } from '../errors.ts'
import { QmpLost } from './lost.ts'
import { QmpRefusal, withCallSite } from './refusal.ts'

interface PendingCall {
  readonly command: string
  readonly site: { stack?: string }
  resolve(value: unknown): void
  reject(error: Error): void
}

/** The calls that wait for their answer, by id. */
export class PendingCalls {
  readonly #calls = new Map<number, PendingCall>()
  readonly #strayAnswers: boolean
  // QEMU sends an answer that its client did not wait for to the next client, so our ids must differ from those of an earlier client. They are short
  // because QEMU reads commands byte by byte, with four system calls each (10.0).
  readonly #firstId: number
  #lastId: number

  /** With `strayAnswers`, answers to an earlier user of the connection may still arrive. */
  constructor({ strayAnswers = false }: { readonly strayAnswers?: boolean | undefined } = {}) {
    this.#strayAnswers = strayAnswers
    this.#firstId = Math.floor(Math.random() * 2 ** 24)
    this.#lastId = this.#firstId
  }

  /** Registers a call; its answer, or `failAll`, settles `result`. `site` holds the stack of the caller. */
  add(
    command: string,
    site: { stack?: string },
    options: { signal?: AbortSignal | undefined; timeoutMs?: number | undefined } = {},
  ): { readonly id: number; readonly result: Promise<unknown> } {
    const { signal, timeoutMs } = options
    const id = ++this.#lastId
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    this.#calls.set(id, { command, site, resolve, reject })
    const onAbort = (): void => reject(new CancelledError(command, signal?.reason))
    signal?.addEventListener('abort', onAbort)
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            const text = `QEMU did not answer ${command} within ${timeoutMs} ms`
            reject(withCallSite(new QemuError('QEMU_TIMEOUT', text, { operation: command }), site))
          }, timeoutMs)
    const result = promise.finally(() => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    })
    return { id, result }
  }

  /** Settles the call that an answer belongs to. Throws `QEMU_STREAM` for an answer to no call. */
  settle(message: Record<string, unknown>): void {
    const id = message['id']
    const call = typeof id === 'number' ? this.#calls.get(id) : undefined
    if (call === undefined) {
      const ours = typeof id !== 'number' || (id > this.#firstId && id <= this.#lastId)
      if (this.#strayAnswers || !ours) return
      throw new QemuError(
        'QEMU_STREAM',
        `QEMU sent an answer that belongs to no command: ${brief(message)}`,
      )
    }
    this.#calls.delete(id as number)
    const error = message['error'] as { class?: unknown; desc?: unknown } | undefined
    if ('return' in message) call.resolve(message['return'])
    else if (typeof error?.desc === 'string') {
      call.reject(
        withCallSite(new QmpRefusal(call.command, String(error.class), error.desc), call.site),
      )
    } else {
      const text = `QEMU answered ${call.command} with neither result nor error`
      call.reject(withCallSite(new QemuError('QEMU_STREAM', text), call.site))
    }
  }

  /** Fails every call when the connection is over: each with the reason, its own command and its own stack. */
  failAll(reason: Error): void {
    for (const call of this.#calls.values()) call.reject(failure(call, reason))
    this.#calls.clear()
  }
}

function failure({ command, site }: PendingCall, reason: Error): Error {
  if (reason instanceof QmpLost) {
    const { path = '', lastWords, cause } = reason
    return withCallSite(new QmpLost(path, lastWords, { operation: command, cause }), site)
  }
  if (!(reason instanceof QemuError)) return reason
  return withCallSite(reason.with({ operation: command }), site)
}

function brief(message: Record<string, unknown>): string {
  return JSON.stringify(message).slice(0, 120)
}
